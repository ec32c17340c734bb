"""The 12 metrics that most fusion papers report, on grey images."""

import cv2
import numpy as np
from numpy.typing import NDArray

from .checks import check_triple
from .edges import qabf
from .fidelity import vifp
from .information import entropy, mutual_information
from .sharpness import average_gradient_sum, deviation
from .similarity import ssim_uniform

GRAY_METRICS = ('EN', 'SD', 'SF', 'AG', 'MI', 'MSE', 'CC', 'PSNR', 'SCD', 'VIFF', 'Qabf', 'SSIM')


def gray_scores(visible: NDArray, infrared: NDArray, fused: NDArray) -> dict[str, float]:
    """All 12 metrics of one fused image.

    Args:
        visible, infrared, fused: H×W or H×W×3 (RGB), 0-255.

    Raises:
        ValueError: if the images differ in size, or have values that are not finite.
    """
    a, b, f = (to_grey(image) for image in check_triple(visible, infrared, fused))
    mse = (((a - f) ** 2).mean() + ((b - f) ** 2).mean()) / 2
    return {
        'EN': entropy(f),
        'SD': deviation(f),
        'SF': float(np.sqrt((np.diff(f, axis=1) ** 2).mean() + (np.diff(f, axis=0) ** 2).mean())),
        'AG': average_gradient_sum(f) / f.size,
        'MI': mutual_information(a, f) + mutual_information(b, f),
        'MSE': float(mse),
        'CC': (correlation(a, f) + correlation(b, f)) / 2,
        'PSNR': float(10 * np.log10(f.max() ** 2 / mse)) if mse and f.max() else float('inf' if not mse else '-inf'),
        'SCD': correlation(a, f - b) + correlation(b, f - a),
        'VIFF': vifp(a, f) + vifp(b, f),
        'Qabf': qabf(a, b, f),
        'SSIM': ssim_uniform(a, f) + ssim_uniform(b, f),
    }


def to_grey(image: NDArray) -> NDArray:
    """Converts RGB to grey by OpenCV's luma in float32, rounded: H×W or H×W×3 to H×W."""
    if image.ndim == 3:
        image = cv2.cvtColor(image.astype(np.float32), cv2.COLOR_RGB2GRAY)
    return np.rint(image).astype(np.float64)


def correlation(one: NDArray, other: NDArray) -> float:
    """Pearson's correlation of two images; 0 if one is constant."""
    one, other = one - one.mean(), other - other.mean()
    norm = np.sqrt((one**2).sum() * (other**2).sum())
    return float((one * other).sum() / norm) if norm else 0.0
