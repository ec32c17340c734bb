from .decomposition import DecompositionNeck
from .fused_pyramid import FusedPyramid
from .guided_pyramid import GuidedPyramid
from .junction import GatedPrior, GatedSum, TokenInjection
from .simple_feature_pyramid import SimpleFeaturePyramid
from .sum_init import SumInit

__all__ = [
    'DecompositionNeck',
    'FusedPyramid',
    'GatedPrior',
    'GatedSum',
    'GuidedPyramid',
    'SimpleFeaturePyramid',
    'SumInit',
    'TokenInjection',
]
