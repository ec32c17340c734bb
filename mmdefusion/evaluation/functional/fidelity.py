"""Visual information fidelity in the pixel domain (Sheikh and Bovik, 2006)."""

import cv2
import numpy as np
from numpy.typing import NDArray

from .similarity import gaussian

NOISE = 2.0  # variance of the noise of the visual system


def vifp(reference: NDArray, distorted: NDArray) -> float:
    """Share of the information in the reference that the distorted image keeps, over four scales.

    Args:
        reference, distorted: H×W, 0-255.
    """
    kept = total = 0.0
    for scale in range(4):
        size = 2 ** (4 - scale) + 1
        window = gaussian(size, size / 5)

        def blur(image: NDArray, window: NDArray = window, margin: int = size // 2) -> NDArray:
            return cv2.sepFilter2D(image, cv2.CV_64F, window, window)[margin:-margin, margin:-margin]

        if scale > 0:
            reference, distorted = blur(reference)[::2, ::2].copy(), blur(distorted)[::2, ::2].copy()
        mean_r, mean_d = blur(reference), blur(distorted)
        var_r = np.maximum(blur(reference * reference) - mean_r**2, 0)
        var_d = np.maximum(blur(distorted * distorted) - mean_d**2, 0)
        covariance = blur(reference * distorted) - mean_r * mean_d
        gain = covariance / (var_r + 1e-10)
        rest = var_d - gain * covariance
        gain, rest = np.where(var_r < 1e-10, 0, gain), np.where(var_r < 1e-10, var_d, rest)
        gain, rest = np.where(var_d < 1e-10, 0, gain), np.where(var_d < 1e-10, 0, rest)
        rest = np.where(gain < 0, var_d, rest)
        gain = np.maximum(gain, 0)
        rest = np.maximum(rest, 1e-10)
        var_r = np.where(var_r < 1e-10, 0, var_r)
        kept += np.log10(1 + gain**2 * var_r / (rest + NOISE)).sum()
        total += np.log10(1 + var_r / NOISE).sum()
    return float(kept / total) if total else 1.0
