from mmdefusion.utils.compat import installed

from .fused_reconstruction import FusedReconstruction
from .fusion_metric import FusionMetric

__all__ = ['FusedReconstruction', 'FusionMetric']

if installed('mmseg'):
    from .class_iou import ClassIoUMetric

    __all__ += ['ClassIoUMetric']
