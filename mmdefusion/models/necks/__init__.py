from .decomposition import DecompositionNeck
from .fused_pyramid import FusedPyramid
from .simple_feature_pyramid import SimpleFeaturePyramid

__all__ = ['DecompositionNeck', 'FusedPyramid', 'SimpleFeaturePyramid']
