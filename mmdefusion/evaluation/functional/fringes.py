"""Overshoot beside strong edges: bright and dark lines that neither source has. Images are grey, H×W, 0-255."""

import cv2
import numpy as np
from numpy.typing import NDArray

STRONG = 25.0  # gradient of a strong edge, grey levels per pixel
BESIDE = 8  # largest distance from the edge, in pixels
AROUND = 4  # pixels around, in which a source may have the grey level, so that a shifted edge is no fringe


def fringe(visible: NDArray, infrared: NDArray, fused: NDArray) -> float:
    """Mean overshoot beside strong edges: how far the fused image leaves the range of both sources around a pixel.

    Returns:
        Grey levels; NaN if no source has a strong edge.
    """
    strong = np.maximum(*(np.hypot(*np.gradient(image)) for image in (visible, infrared))) >= STRONG
    if not strong.any():
        return float('nan')
    beside = cv2.dilate(strong.astype(np.uint8), np.ones((2 * BESIDE + 1,) * 2, np.uint8)) > 0
    window = np.ones((2 * AROUND + 1,) * 2, np.uint8)
    highest = cv2.dilate(np.maximum(visible, infrared), window)
    lowest = cv2.erode(np.minimum(visible, infrared), window)
    overshoot = np.maximum(fused - highest, lowest - fused).clip(0)
    return float(overshoot[beside].mean())
