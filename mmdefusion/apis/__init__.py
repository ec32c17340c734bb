from mmdefusion.utils.compat import installed

from .disturbances import Disturbance
from .fusion_inferencer import FusionInferencer
from .model import load_fuser, shipped_weights
from .trial import Trial

__all__ = ['Disturbance', 'FusionInferencer', 'Trial', 'load_fuser', 'shipped_weights']

if installed('mmdet'):
    from .paired_det_inferencer import PairedDetInferencer

    __all__ += ['PairedDetInferencer']

if installed('mmseg'):
    from .paired_seg_inferencer import PairedSegInferencer

    __all__ += ['PairedSegInferencer']
