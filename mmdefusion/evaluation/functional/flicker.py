"""Flicker of a fused video: changes that neither source has. Images are grey, H×W, 0-255."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def flicker(before: Sequence[NDArray], after: Sequence[NDArray]) -> float:
    """How much more the fused image changes from one frame to the next than the source that changes more.

    Args:
        before, after: visible, infrared and fused image of two frames that follow each other.

    Returns:
        The mean over all pixels in grey levels; 0 if no pixel changes more than in a source.
    """
    visible, infrared, fused = (
        np.abs(np.asarray(new, float) - np.asarray(old, float)) for old, new in zip(before, after, strict=True)
    )
    return float((fused - np.maximum(visible, infrared)).clip(0).mean())
