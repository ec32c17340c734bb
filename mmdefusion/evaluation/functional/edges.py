"""Qabf: how well the fused image preserves the edges of the sources (Xydeas and Petrović, 2000)."""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

ACROSS = np.array([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])
DOWN = np.array([[1.0, 2, 1], [0, 0, 0], [-1, -2, -1]])


class Edges(NamedTuple):
    """Strength and angle of the edge at each pixel, H×W; angles in radians."""

    strength: NDArray
    angle: NDArray


def find_edges(image: NDArray) -> Edges:
    """Computes edges with the Sobel operator, as a true convolution with zero padding."""
    sx, sy = (
        cv2.filter2D(image, cv2.CV_64F, kernel[::-1, ::-1].copy(), borderType=cv2.BORDER_CONSTANT)
        for kernel in (ACROSS, DOWN)
    )
    with np.errstate(divide='ignore', invalid='ignore'):
        angle = np.where(sx == 0, np.pi / 2, np.arctan(sy / sx))
    return Edges(np.sqrt(sx**2 + sy**2), angle)


def preservation(source: Edges, fused: Edges) -> NDArray:
    """How well the fused image preserves strength and angle: 0 to 1 at each pixel, H×W."""
    low, high = np.minimum(source.strength, fused.strength), np.maximum(source.strength, fused.strength)
    with np.errstate(divide='ignore', invalid='ignore'):
        strength = np.where(low == high, low, low / high)  # equal strengths count as their value, as in the original
    angle = 1 - np.abs(source.angle - fused.angle) / (np.pi / 2)
    return 0.9994 / (1 + np.exp(-15 * (strength - 0.5))) * 0.9879 / (1 + np.exp(-22 * (angle - 0.8)))


def qabf(one: NDArray, other: NDArray, fused: NDArray) -> float:
    """Preservation of the edges of both sources, weighted with their strength; 0 if there are no edges.

    Args:
        one, other: the sources, H×W, 0-255.
        fused: H×W, 0-255.
    """
    a, b, f = find_edges(one), find_edges(other), find_edges(fused)
    total = a.strength.sum() + b.strength.sum()
    if total == 0:
        return 0.0
    return float((preservation(a, f) * a.strength + preservation(b, f) * b.strength).sum() / total)
