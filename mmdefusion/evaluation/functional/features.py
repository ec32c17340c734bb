"""FMI: mutual information of the features of sources and fused image (Haghighat, Aghagolzadeh and Seyedarabi, 2011).

The features are the pixels themselves. In every 3×3 window both images become distributions over the nine places;
their joint one is estimated from their correlation, between independence and the Fréchet bound that has the
correlation's sign.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

PLACES = np.arange(1.0, 10.0)
AT_ONCE = 2**14  # windows: bounds the memory to some tens of megabytes


def fmi_pixel(one: NDArray, other: NDArray, fused: NDArray) -> float:
    """Mean over both sources and all windows of 2·I / (H + H), 0 to 1."""
    return (_information(one, fused) + _information(other, fused)) / 2


def _information(source: NDArray, fused: NDArray) -> float:
    height, width = source.shape[0] - 2, source.shape[1] - 2
    rows = max(1, AT_ONCE // width)
    strips = [slice(row, min(row + rows, height) + 2) for row in range(0, height, rows)]
    shares = [_of_windows(_windows(source[strip]), _windows(fused[strip])) for strip in strips]
    return float(np.concatenate(shares).mean())


def _windows(image: NDArray) -> NDArray:
    """N×9, each a distribution: least value 0, sum 1; flat windows are uniform."""
    windows = sliding_window_view(image, (3, 3)).reshape(-1, 9)
    windows = windows - windows.min(1, keepdims=True)
    windows[windows.max(1) == 0] = 1.0
    return windows / windows.sum(1, keepdims=True)


def _of_windows(p: NDArray, q: NDArray) -> NDArray:
    cdf_p, cdf_q = p.cumsum(1), q.cumsum(1)
    independent = p[:, :, None] * q[:, None, :]
    correlation = _correlation(p, q)
    upper = np.minimum(cdf_p[:, :, None], cdf_q[:, None, :])
    lower = np.maximum(cdf_p[:, :, None] + cdf_q[:, None, :] - 1, 0)
    bound = np.where((correlation >= 0)[:, None, None], upper, lower)
    covariance = (bound - cdf_p[:, :, None] * cdf_q[:, None, :]).sum((1, 2))
    reachable = _safe(covariance, _deviation(p) * _deviation(q))
    share = _safe(np.abs(correlation), np.abs(reachable)).clip(0, 1)[:, None, None]
    joint = share * _density(bound) + (1 - share) * independent
    with np.errstate(divide='ignore', invalid='ignore'):
        terms = np.where((joint > 0) & (independent > 0), joint * np.log2(joint / independent), 0)
    information = _safe(2 * terms.sum((1, 2)), _entropy(p) + _entropy(q))
    return np.where((p == q).all(1), 1.0, information)


def _correlation(p: NDArray, q: NDArray) -> NDArray:
    p, q = p - p.mean(1, keepdims=True), q - q.mean(1, keepdims=True)
    return _safe((p * q).sum(1), np.sqrt((p**2).sum(1) * (q**2).sum(1)))


def _deviation(p: NDArray) -> NDArray:
    return np.sqrt(np.maximum(p @ PLACES**2 - (p @ PLACES) ** 2, 0))


def _density(cdf: NDArray) -> NDArray:
    padded = np.pad(cdf, ((0, 0), (1, 0), (1, 0)))
    return np.maximum(np.diff(np.diff(padded, axis=1), axis=2), 0)


def _entropy(p: NDArray) -> NDArray:
    return -(p * np.log2(np.where(p > 0, p, 1))).sum(1)


def _safe(numerator: NDArray, denominator: NDArray) -> NDArray:
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 1e-12)
