from .fused_reconstruction import FusedReconstruction
from .fusion_metric import FusionMetric

__all__ = ['FusedReconstruction', 'FusionMetric']
