"""LLVIP: pedestrians by night."""

from mmdefusion.registry import DATASETS

from .paired_xml import PairedXMLDataset


@DATASETS.register_module()
class LLVIPDataset(PairedXMLDataset):
    """LLVIP: 12,025 training and 3,463 test pairs of 1280×1024 (Jia et al., ICCVW 2021; github.com/bupt-ai-cz/LLVIP).

    Layout: visible/{train,test}, infrared/{train,test} and Annotations/. There are no lists: a split is the content of
    its folder, so set both ``img`` and ``img_ir`` in ``data_prefix`` for the test split.
    """

    METAINFO = dict(dataset_type='LLVIP', classes=('person',), palette=[(220, 20, 60)])
    DATA_PREFIX = dict(img='visible/train', img_ir='infrared/train', ann='Annotations')
