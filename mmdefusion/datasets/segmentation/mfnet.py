"""The urban scenes of MFNet, as published and as MSRS."""

from mmdefusion.registry import DATASETS

from .paired_seg import PairedSegDataset

_CLASSES = ('background', 'car', 'person', 'bike', 'curve', 'car_stop', 'guardrail', 'color_cone', 'bump')
_PALETTE = [
    [0, 0, 0],
    [64, 0, 128],
    [64, 64, 0],
    [0, 128, 192],
    [0, 0, 192],
    [128, 128, 0],
    [64, 64, 128],
    [192, 128, 128],
    [192, 64, 0],
]


@DATASETS.register_module()
class MFNetDataset(PairedSegDataset):
    """MFNet: 1,569 pairs of 640×480 (Ha et al., IROS 2017).

    Source: mi.t.u-tokyo.ac.jp, "Multi-spectral semantic segmentation".

    Layout: images/00001D.png has the infrared image as its fourth channel, so each image is its own partner.
    ``ann_file`` is train.txt, val.txt, test.txt, test_day.txt or test_night.txt. The background (label 0) is a class,
    as in the published evaluation.
    """

    METAINFO = dict(dataset_type='MFNet', classes=_CLASSES, palette=_PALETTE)

    def __init__(self, data_prefix: dict | None = None, **kwargs) -> None:
        super().__init__(data_prefix=data_prefix or dict(img_path='images', seg_map_path='labels'), **kwargs)

    def find_partner(self, img_path: str) -> str:
        return img_path


@DATASETS.register_module()
class MSRSDataset(PairedSegDataset):
    """MSRS: 1,083 training and 361 test pairs of 640×480 (Tang et al., PIAFusion, 2022; github.com/Linfeng-Tang/MSRS).

    The scenes of MFNet without misaligned pairs and with more infrared contrast. Layout: {train,test}/vi, ir and
    Segmentation_labels. The background (label 0) is a class, as in MFNet.
    """

    METAINFO = dict(dataset_type='MSRS', classes=_CLASSES, palette=_PALETTE)
