"""Whether the colours of the visible image are still there. Images are H×W×3 (RGB) or grey H×W, 0-255."""

import cv2
import numpy as np
from numpy.typing import NDArray

from .gray import to_grey

BLUR = 2.0  # sigma in pixels: noise, and the coarse colours of JPEG files, do not count
COLOURFUL = 40.0  # smallest difference between the largest and the smallest channel of a coloured pixel
SURROUNDINGS = 0.125  # side of the surroundings relative to the longest side
OWN = 0.5  # share of its colour difference that a pixel does not share with its surroundings


def colour_lost(visible: NDArray, fused: NDArray) -> float:
    """The share of colour that is lost where the visible image has a colour and contrast of its own.

    Colour is the difference of a pixel to its own grey. A pixel counts if its channels differ by 40 levels or more, and
    half of its colour is not that of its surroundings: clothes, cars and signs, not a wall or a meadow, which something
    may lie on that only the infrared image shows. What is left is the part of the fused colour in the direction of the
    visible colour. A place that got darker may lose as much as its brightness did.

    Returns:
        Mean over the pixels that count, 0 to 1; NaN if there are none.
    """
    if visible.ndim == 2:
        return float('nan')
    if fused.ndim == 2:
        fused = np.repeat(fused[..., None], 3, axis=2)
    visible, fused = (cv2.GaussianBlur(image, (0, 0), BLUR) for image in (visible, fused))
    (before, bright), (after, now) = (_colour(image) for image in (visible, fused))
    side = max(3, round(SURROUNDINGS * max(bright.shape)) | 1)
    own = np.linalg.norm(before - cv2.blur(before, (side, side)), axis=-1)
    length = np.linalg.norm(before, axis=-1)
    counts = (np.ptp(visible, axis=-1) >= COLOURFUL) & (own >= OWN * length)
    if not counts.any():
        return float('nan')
    kept = (before * after).sum(-1)[counts] / length[counts] ** 2
    expected = np.minimum(1, now[counts] / bright[counts]).clip(1e-6)
    return float(1 - (kept / expected).clip(0, 1).mean())


def _colour(image: NDArray) -> tuple[NDArray, NDArray]:
    """The differences of the channels to grey, H×W×3, and the grey image H×W."""
    grey = to_grey(image)
    return image - grey[..., None], grey
