"""Fusion metrics as pure functions on arrays."""

from .exposure import mef_ssim
from .features import fmi_pixel
from .gray import GRAY_METRICS, gray_scores
from .protocols import EXTRA_METRICS, PROTOCOLS, extra_scores, lower_is_better
from .similarity import ms_ssim
from .vifb import VIFB_METRICS, vifb_scores

__all__ = [
    'EXTRA_METRICS',
    'GRAY_METRICS',
    'PROTOCOLS',
    'VIFB_METRICS',
    'extra_scores',
    'fmi_pixel',
    'gray_scores',
    'lower_is_better',
    'mef_ssim',
    'ms_ssim',
    'vifb_scores',
]
