"""The fusion that every other should beat."""

import cv2
import numpy as np


def mean_of(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The mean of two images of one size, uint8."""
    return cv2.addWeighted(first, 0.5, second, 0.5, 0)
