"""Metrics of the sharpness and contrast of an image alone."""

import cv2
import numpy as np
from numpy.typing import NDArray


def average_gradient_sum(image: NDArray) -> float:
    """Root of half the sum of the squared gradients (central differences), summed over all pixels."""
    vertical, horizontal = np.gradient(image)
    return float(np.sqrt((horizontal**2 + vertical**2) / 2).sum())


def edge_intensity(image: NDArray) -> float:
    """Mean magnitude of the Sobel gradient, with repeated borders."""
    horizontal = cv2.Sobel(image, cv2.CV_64F, 1, 0, borderType=cv2.BORDER_REPLICATE)
    vertical = cv2.Sobel(image, cv2.CV_64F, 0, 1, borderType=cv2.BORDER_REPLICATE)
    return float(np.hypot(horizontal, vertical).mean())


def deviation(image: NDArray) -> float:
    """Standard deviation of the grey levels."""
    return float(image.std())
