"""FLIR ADAS, aligned version: driving scenes, three classes."""

from mmdefusion.registry import DATASETS

from .paired_coco import PairedCocoDataset
from .paired_xml import PairedXMLDataset

_METAINFO = dict(
    dataset_type='FLIRAligned',
    classes=('person', 'bicycle', 'car'),
    palette=[(220, 20, 60), (119, 11, 32), (0, 0, 142)],
)


@DATASETS.register_module()
class FLIRAlignedDataset(PairedCocoDataset):
    """FLIR ADAS pairs with boxes in COCO's format: vi/, ir/ and one JSON file per split.

    The pairs are those of the aligned version (Zhang et al., *Multispectral Fusion for Object Detection with Cyclic
    Fuse-and-Refine Blocks*, ICIP 2020). For its published layout, see :class:`FLIRAlignedXMLDataset`.
    """

    METAINFO = _METAINFO


@DATASETS.register_module()
class FLIRAlignedXMLDataset(PairedXMLDataset):
    """FLIR-aligned as published: 4,129 training and 1,013 validation pairs of 640×512 (Zhang et al., ICIP 2020).

    Layout: JPEGImages/FLIR_00002_RGB.jpg, JPEGImages/FLIR_00002_PreviewData.jpeg (infrared),
    Annotations/FLIR_00002_PreviewData.xml; ``ann_file`` is align_train.txt or align_validation.txt. Dogs, a fourth
    class with few boxes, are left out as in the literature.
    """

    METAINFO = _METAINFO
    DATA_PREFIX = dict(img='JPEGImages', img_ir='JPEGImages', ann='Annotations')

    def __init__(
        self,
        img_suffix: str = '_RGB.jpg',
        ir_suffix: str = '_PreviewData.jpeg',
        ann_suffix: str = '_PreviewData.xml',
        **kwargs,
    ) -> None:
        super().__init__(img_suffix=img_suffix, ir_suffix=ir_suffix, ann_suffix=ann_suffix, **kwargs)

    def load_ids(self) -> list[str]:
        """The ids of the images, in order: the common part of both names (the lists name infrared files)."""
        return [image_id.removesuffix('_PreviewData') for image_id in super().load_ids()]
