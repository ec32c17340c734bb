from mmdefusion.utils.compat import installed

from .fusion_inferencer import FusionInferencer, NotAllFused
from .loading import load_fuser, shipped_weights

__all__ = ['FusionInferencer', 'NotAllFused', 'load_fuser', 'shipped_weights']

if installed('mmdet'):
    from .paired_det_inferencer import PairedDetInferencer

    __all__ += ['PairedDetInferencer']

if installed('mmseg'):
    from .paired_seg_inferencer import PairedSegInferencer

    __all__ += ['PairedSegInferencer']
