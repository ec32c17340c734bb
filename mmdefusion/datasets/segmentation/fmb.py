"""FMB: full-time street scenes, fourteen classes."""

from mmdefusion.registry import DATASETS

from .paired_seg import PairedSegDataset


@DATASETS.register_module()
class FMBDataset(PairedSegDataset):
    """FMB: 1,220 training and 280 test pairs of 800×600 (Liu et al., SegMiF, ICCV 2023).

    Source: github.com/JinyuanLiu-CV/SegMiF.

    Layout: {train,test}/Visible, Infrared and Label. Labels 1 to 14 are the classes and 0 means unlabelled, so 0 is
    ignored (``reduce_zero_label=True``) and class i has label i + 1.
    """

    METAINFO = dict(
        dataset_type='FMB',
        classes=(
            'road',
            'sidewalk',
            'building',
            'traffic_lamp',
            'traffic_sign',
            'vegetation',
            'sky',
            'person',
            'car',
            'truck',
            'bus',
            'motorcycle',
            'bicycle',
            'pole',
        ),
        palette=[
            [179, 228, 228],
            [181, 57, 133],
            [67, 162, 177],
            [200, 178, 50],
            [132, 45, 199],
            [66, 172, 84],
            [179, 73, 79],
            [76, 99, 166],
            [66, 121, 253],
            [137, 165, 91],
            [155, 97, 152],
            [105, 153, 140],
            [222, 215, 158],
            [135, 113, 90],
        ],
    )

    def __init__(self, reduce_zero_label: bool = True, **kwargs) -> None:
        super().__init__(reduce_zero_label=reduce_zero_label, **kwargs)
