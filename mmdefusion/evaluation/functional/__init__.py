"""Fusion metrics as pure functions on arrays."""

from .exposure import mef_ssim
from .features import fmi_pixel
from .flicker import flicker
from .gray import GRAY_METRICS, gray_scores
from .protocols import EXTRA_METRICS, PROTOCOLS, TARGET_METRICS, extra_scores, lower_is_better, target_scores
from .similarity import ms_ssim
from .vifb import VIFB_METRICS, vifb_scores

__all__ = [
    'EXTRA_METRICS',
    'GRAY_METRICS',
    'PROTOCOLS',
    'TARGET_METRICS',
    'VIFB_METRICS',
    'extra_scores',
    'flicker',
    'fmi_pixel',
    'gray_scores',
    'lower_is_better',
    'mef_ssim',
    'ms_ssim',
    'target_scores',
    'vifb_scores',
]
