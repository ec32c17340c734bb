"""FMI: mutual information of features of sources and fused image (Haghighat, Aghagolzadeh and Seyedarabi, 2011).

The features are the pixels themselves. In every 3×3 window both images become distributions over the nine positions.
Their joint distribution is estimated from their correlation: it lies between independence and the Fréchet bound of
the same sign.
"""

import numpy as np
from numpy.typing import NDArray

PLACES = np.arange(1.0, 10.0)
AT_ONCE = 2**12  # windows at once, whose arrays fit into the cache of a core


def fmi_pixel(one: NDArray, other: NDArray, fused: NDArray) -> float:
    """Mean of 2·I / (H + H) over both sources and all windows, 0 to 1.

    Args:
        one, other: the sources, H×W, 0-255.
        fused: H×W, 0-255.
    """
    return (_information(one, fused) + _information(other, fused)) / 2


def _information(source: NDArray, fused: NDArray) -> float:
    height, width = source.shape[0] - 2, source.shape[1] - 2
    rows = max(1, AT_ONCE // width)
    strips = [slice(row, min(row + rows, height) + 2) for row in range(0, height, rows)]
    shares = [_of_windows(_windows(source[strip]), _windows(fused[strip])) for strip in strips]
    return float(np.concatenate(shares).mean())


def _windows(image: NDArray) -> NDArray:
    """The 3×3 windows as distributions, 9×N: minimum 0, sum 1; flat windows become uniform."""
    height, width = image.shape[0] - 2, image.shape[1] - 2
    places = [image[row : row + height, column : column + width] for row in range(3) for column in range(3)]
    windows = np.stack(places).reshape(9, -1)
    windows -= windows.min(0)
    windows[:, windows.max(0) == 0] = 1.0
    return windows / windows.sum(0)


def _of_windows(p: NDArray, q: NDArray) -> NDArray:
    correlation = _correlation(p, q)
    rises = correlation >= 0
    # the coupling at the lower Fréchet bound is that at the upper bound with one side reversed
    weight, i, j = _monotone_coupling(p, np.where(rises, q, q[::-1]))
    j = np.where(rises, j, 8 - j)
    covariance = (weight * PLACES[i] * PLACES[j]).sum(0) - (PLACES @ p) * (PLACES @ q)
    reachable = _safe(covariance, _deviation(p) * _deviation(q))
    share = _safe(np.abs(correlation), np.abs(reachable)).clip(0, 1)
    # Entropy of the mixture: first as if the independent part filled all 81 cells, then corrected in the few cells of
    # the coupling.
    entropies = _entropy(p) + _entropy(q)
    apart = 1 - share
    independent = apart * np.take_along_axis(p, i, 0) * np.take_along_axis(q, j, 0)
    change = _bits(independent + share * weight) - _bits(independent)
    joint_entropy = apart * entropies - _bits(apart) - change.sum(0)
    information = _safe(2 * (entropies - joint_entropy), entropies)
    return np.where((p == q).all(0), 1.0, information)


def _monotone_coupling(p: NDArray, q: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """The joint distribution at the upper Fréchet bound: the weights of its cells, 18×N, their rows and columns."""
    steps = np.concatenate([p.cumsum(0), q.cumsum(0)])
    order = steps.argsort(0)
    of_p = order < 9
    i = of_p.cumsum(0) - of_p  # steps of p that come before
    j = np.arange(18)[:, None] - i
    weight = np.diff(np.take_along_axis(steps, order, 0), axis=0, prepend=0)
    return weight, i.clip(max=8), j.clip(max=8)


def _correlation(p: NDArray, q: NDArray) -> NDArray:
    p, q = p - p.mean(0), q - q.mean(0)
    return _safe((p * q).sum(0), np.sqrt((p**2).sum(0) * (q**2).sum(0)))


def _deviation(p: NDArray) -> NDArray:
    return np.sqrt(np.maximum(PLACES**2 @ p - (PLACES @ p) ** 2, 0))


def _entropy(p: NDArray) -> NDArray:
    return -_bits(p).sum(0)


def _bits(p: NDArray) -> NDArray:
    return p * np.log2(np.where(p > 0, p, 1))


def _safe(numerator: NDArray, denominator: NDArray) -> NDArray:
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 1e-12)
