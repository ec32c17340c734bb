"""The 13 metrics of the VIFB benchmark (Zhang, Ye and Xiao, 2020); they reproduce its published digits."""

import numpy as np
from numpy.typing import NDArray

from .checks import check_triple
from .edges import qabf
from .information import cross_entropy, entropy, mutual_information, stretch
from .perception import qcb, qcv
from .sharpness import average_gradient_sum, deviation, edge_intensity
from .similarity import ssim_gaussian

VIFB_METRICS = (
    'Avg_gradient',
    'Cross_entropy',
    'Edge_intensity',
    'Entropy',
    'Mutinf',
    'Psnr',
    'Qabf',
    'Qcb',
    'Qcv',
    'Rmse',
    'Spatial_frequency',
    'Ssim',
    'Variance',
)
GREY = np.array([0.298936, 0.587043, 0.114021])  # weights of R, G, B


def vifb_scores(visible: NDArray, infrared: NDArray, fused: NDArray) -> dict[str, float]:
    """All 13 metrics of one fused image.

    Each channel of a fused RGB image is scored against the same channel of each source (a grey source counts for all
    channels), and the scores are averaged. A grey fused image is scored once, against grey sources.

    Args:
        visible, infrared, fused: H×W or H×W×3 (RGB), 0-255.

    Raises:
        ValueError: if the images differ in size, or have values that are not finite.
    """
    visible, infrared, fused = check_triple(visible, infrared, fused)
    if fused.ndim == 2:
        scores = [_channel_scores(_grey(visible), _grey(infrared), fused)]
    else:
        channels = range(3)
        scores = [_channel_scores(_channel(visible, k), _channel(infrared, k), fused[..., k]) for k in channels]
    mean = {name: float(np.mean([score[name] for score in scores])) for name in scores[0]}
    mean['Spatial_frequency'] = spatial_frequency(fused)  # of all channels together
    return {name: mean[name] for name in VIFB_METRICS}


def _channel_scores(a: NDArray, b: NDArray, f: NDArray) -> dict[str, float]:
    height, width = f.shape
    stretched = stretch(f)
    return {
        'Avg_gradient': average_gradient_sum(f) / ((height - 1) * (width - 1)),
        'Cross_entropy': (cross_entropy(a, f) + cross_entropy(b, f)) / 2,
        'Edge_intensity': edge_intensity(f),
        'Entropy': entropy(f),
        'Mutinf': mutual_information(stretch(a), stretched) + mutual_information(stretch(b), stretched),
        'Psnr': psnr(a, b, f),
        'Qabf': qabf(a, b, f),
        'Qcb': qcb(a, b, f),
        'Qcv': qcv(a, b, f),
        'Rmse': mean_error(a, b, f),
        'Ssim': ssim_gaussian(a, f) + ssim_gaussian(b, f),
        'Variance': deviation(f),
    }


def mean_error(a: NDArray, b: NDArray, f: NDArray) -> float:
    """VIFB's Rmse: mean over both sources of the root of the summed squared differences over the number of pixels."""
    return float(np.mean([np.sqrt(((x - f) ** 2).sum()) / f.size for x in (a, b)]))


def psnr(a: NDArray, b: NDArray, f: NDArray) -> float:
    """VIFB's Psnr in dB, from its Rmse; infinite if both sources equal the fused image."""
    error = mean_error(a, b, f)
    return float(20 * np.log10(255 / np.sqrt(error))) if error else float('inf')


def spatial_frequency(fused: NDArray) -> float:
    """Root of the mean squared horizontal and vertical differences, with the channels side by side."""
    plane = fused if fused.ndim == 2 else np.concatenate([fused[..., k] for k in range(3)], axis=1)
    squares = (np.diff(plane, axis=1) ** 2).sum() + (np.diff(plane, axis=0) ** 2).sum()
    return float(np.sqrt(squares / plane.size))


def _grey(image: NDArray) -> NDArray:
    return image if image.ndim == 2 else np.floor(image @ GREY + 0.5)


def _channel(image: NDArray, k: int) -> NDArray:
    return image if image.ndim == 2 else image[..., k]
