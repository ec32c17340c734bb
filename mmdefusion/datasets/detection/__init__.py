from .flir_aligned import FLIRAlignedDataset, FLIRAlignedXMLDataset
from .kaist import KAISTDataset
from .llvip import LLVIPDataset
from .m3fd import M3FDDataset
from .paired_coco import PairedCocoDataset
from .paired_xml import PairedXMLDataset

__all__ = [
    'FLIRAlignedDataset',
    'FLIRAlignedXMLDataset',
    'KAISTDataset',
    'LLVIPDataset',
    'M3FDDataset',
    'PairedCocoDataset',
    'PairedXMLDataset',
]
