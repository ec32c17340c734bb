"""Luma (ITU-R 601) and colour in NumPy, as in ``models/layers/colour.py``."""

import numpy as np

LUMA = np.array((0.299, 0.587, 0.114), np.float32)


def luma(image: np.ndarray) -> np.ndarray:
    """The luma of RGB images: H×W×3 to H×W."""
    return (image * LUMA).sum(-1, dtype=np.float32)


def with_luma(image: np.ndarray, brightness: np.ndarray) -> np.ndarray:
    """Replaces the luma of an RGB image H×W×3 by H×W and keeps its colour differences, faded where they do not fit."""
    brightness = brightness.clip(0, 1)[..., None]
    chroma = image - luma(image)[..., None]
    room = np.where(chroma > 0, 1 - brightness, brightness)
    share = (room / np.abs(chroma).clip(min=1e-6)).min(-1, keepdims=True).clip(max=1)
    return brightness + chroma * share
