from .decomposition import DecompositionNeck
from .fused_pyramid import FusedPyramid
from .guided_pyramid import GuidedPyramid
from .junction import GatedSum, TokenInjection
from .simple_feature_pyramid import SimpleFeaturePyramid

__all__ = ['DecompositionNeck', 'FusedPyramid', 'GatedSum', 'GuidedPyramid', 'SimpleFeaturePyramid', 'TokenInjection']
