"""Structural similarity (Wang et al., 2004), in the forms that fusion papers use."""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


def gaussian(size: int, sigma: float) -> NDArray:
    """A 1-D Gaussian window that sums to 1, shape (size,)."""
    position = np.arange(size) - size // 2
    weight = np.exp(-(position**2) / (2 * sigma**2))
    return weight / weight.sum()


def ssim_gaussian(one: NDArray, other: NDArray) -> float:
    """SSIM with a Gaussian window of 11 and σ 1.5, where the window lies inside the image."""
    return _ssim(one, other, _blur_gaussian, correction=1.0)[0]


def ssim_uniform(one: NDArray, other: NDArray) -> float:
    """SSIM with a uniform 7×7 window and unbiased covariances."""

    def blur(image: NDArray) -> NDArray:
        return cv2.boxFilter(image, cv2.CV_64F, (7, 7))[3:-3, 3:-3]

    return _ssim(one, other, blur, correction=49 / 48)[0]


def ms_ssim(one: NDArray, other: NDArray) -> float:
    """MS-SSIM over five scales (Wang et al., 2003), or as many as leave 11 pixels a side; weights sum to 1."""
    scales = min(len(SCALE_WEIGHTS), int(np.log2(min(one.shape) / 11)) + 1)
    weights = np.array(SCALE_WEIGHTS[:scales]) / sum(SCALE_WEIGHTS[:scales])
    result = 1.0
    for scale, weight in enumerate(weights):
        whole, contrast = _ssim(one, other, _blur_gaussian, correction=1.0)
        result *= max(whole if scale == scales - 1 else contrast, 0.0) ** weight
        one, other = halve(one), halve(other)
    return float(result)


def halve(image: NDArray) -> NDArray:
    """Halves an image by 2×2 means: H×W to ⌈H/2⌉×⌈W/2⌉."""
    return cv2.blur(image, (2, 2), anchor=(0, 0), borderType=cv2.BORDER_REFLECT)[::2, ::2].copy()


def _blur_gaussian(image: NDArray) -> NDArray:
    window = gaussian(11, 1.5)
    return cv2.sepFilter2D(image, cv2.CV_64F, window, window)[5:-5, 5:-5]


def _ssim(one: NDArray, other: NDArray, blur: Callable, correction: float) -> tuple[float, float]:
    """Mean SSIM, and mean of its contrast and structure terms alone."""
    mean_one, mean_other = blur(one), blur(other)
    var_one = correction * (blur(one * one) - mean_one**2)
    var_other = correction * (blur(other * other) - mean_other**2)
    covariance = correction * (blur(one * other) - mean_one * mean_other)
    luminance = (2 * mean_one * mean_other + C1) / (mean_one**2 + mean_other**2 + C1)
    contrast = (2 * covariance + C2) / (var_one + var_other + C2)
    return float((luminance * contrast).mean()), float(contrast.mean())
