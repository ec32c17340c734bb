from .decomposition import DecompositionNeck
from .fused_pyramid import FusedPyramid
from .junction import GatedSum, TokenInjection
from .simple_feature_pyramid import SimpleFeaturePyramid

__all__ = ['DecompositionNeck', 'FusedPyramid', 'GatedSum', 'SimpleFeaturePyramid', 'TokenInjection']
