"""Luma (ITU-R 601) and colour in NumPy, as in ``models/layers/colour.py``."""

import numpy as np

LUMA = np.array((0.299, 0.587, 0.114), np.float32)
FAINT = 1e-6  # difference of a channel from the luma below which there is no colour that could fade


def luma(image: np.ndarray) -> np.ndarray:
    """The luma of RGB images: H×W×3 to H×W."""
    return (image * LUMA).sum(-1, dtype=np.float32)


def with_luma(image: np.ndarray, brightness: np.ndarray) -> np.ndarray:
    """Replaces the luma of an RGB image H×W×3 by H×W and keeps its colour differences, faded where they do not fit."""
    brightness, grey = brightness.clip(0, 1), luma(image)
    red, green, blue = np.moveaxis(image, -1, 0)
    above = np.maximum(np.maximum(red, green), blue) - grey
    below = grey - np.minimum(np.minimum(red, green), blue)
    share = np.minimum((1 - brightness) / above.clip(min=FAINT), brightness / below.clip(min=FAINT)).clip(max=1)
    return brightness[..., None] + (image - grey[..., None]) * share[..., None]
