"""MEF-SSIM: how well the fused image keeps the structure of several exposures (Ma, Zeng and Wang, 2015).

In every 11×11 window, the desired structure has the strongest contrast of all sources and the direction of their
weighted sum; the more the sources agree, the more weight the strongest gets. Everything is computed from means and
covariances of windows, which box and Gaussian filters give for the whole image at once.
"""

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from .similarity import gaussian, halve

SIZE = 11
STABLE = (0.03 * 255) ** 2
SCALES = np.array([0.0448, 0.2856, 0.3001])


def mef_ssim(sources: Sequence[NDArray], fused: NDArray) -> float:
    """MEF-SSIM over three scales, or over as many as leave 11 pixels a side.

    Args:
        sources: two or more grey images, H×W, 0-255.
        fused: H×W, 0-255.
    """
    scales = max(1, min(len(SCALES), int(np.log2(min(fused.shape) / SIZE)) + 1))
    weights = SCALES[:scales] / SCALES[:scales].sum()
    result = 1.0
    for weight in weights:
        result *= max(_one_scale(sources, fused), 0.0) ** weight
        sources, fused = [halve(image) for image in sources], halve(fused)
    return float(result)


def _one_scale(sources: Sequence[NDArray], fused: NDArray) -> float:
    alike = _covariances([*sources], _mean)
    norm = [np.sqrt(np.maximum(alike[k][k], 0)) * SIZE for k in range(len(sources))]
    strength = [value + 0.001 for value in norm]  # never zero, as in the authors' code
    together = np.sqrt(np.maximum(sum(cov for row in alike for cov in row), 0)) * SIZE
    agreement = np.clip((together + 1e-12) / (sum(norm) + 1e-12), 1e-12, 1 - 1e-12)
    power = np.minimum(np.tan(np.pi / 2 * agreement), 10)
    weight = [(value / SIZE) ** power + 1e-12 for value in strength]
    factor = [w / sum(weight) / s for w, s in zip(weight, strength, strict=True)]

    length = np.sqrt(np.maximum(_squared(factor, alike), 0)) * SIZE
    greatest = np.maximum.reduce(strength)
    scale = np.divide(greatest, length, out=np.zeros_like(length), where=length > 0)
    factor = [value * scale for value in factor]

    weighted = _covariances([*sources, fused], _gaussian_mean)
    wanted = _squared(factor, [row[:-1] for row in weighted[:-1]])
    kept = sum(value * row[-1] for value, row in zip(factor, weighted[:-1], strict=True))
    return float(((2 * kept + STABLE) / (wanted + weighted[-1][-1] + STABLE)).mean())


def _covariances(images: Sequence[NDArray], mean: Callable[[NDArray], NDArray]) -> list[list[NDArray]]:
    means = [mean(image) for image in images]
    rows = [[None] * len(images) for _ in images]
    for i, one in enumerate(images):
        for j, other in enumerate(images[: i + 1]):
            rows[i][j] = rows[j][i] = mean(one * other) - means[i] * means[j]
    return rows


def _squared(factor: Sequence[NDArray], covariances: Sequence[Sequence[NDArray]]) -> NDArray:
    """Variance of the sum of all images, each times its factor."""
    return sum(
        a * b * cov for a, row in zip(factor, covariances, strict=True) for b, cov in zip(factor, row, strict=True)
    )


def _mean(image: NDArray) -> NDArray:
    margin = SIZE // 2
    return cv2.boxFilter(image, cv2.CV_64F, (SIZE, SIZE))[margin:-margin, margin:-margin]


def _gaussian_mean(image: NDArray) -> NDArray:
    window, margin = gaussian(SIZE, 1.5), SIZE // 2
    return cv2.sepFilter2D(image, cv2.CV_64F, window, window)[margin:-margin, margin:-margin]
