from .fmb import FMBDataset
from .mfnet import MFNetDataset, MSRSDataset
from .paired_seg import PairedSegDataset
from .pst900 import PST900Dataset

__all__ = ['FMBDataset', 'MFNetDataset', 'MSRSDataset', 'PST900Dataset', 'PairedSegDataset']
