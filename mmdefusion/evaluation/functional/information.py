"""Metrics from histograms of grey levels."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

LEVELS = 256


def stretch(image: NDArray) -> NDArray:
    """Stretches an image to 0-255, rounded half up; a constant image becomes 0."""
    low, high = float(image.min()), float(image.max())
    if low == high:
        return np.zeros_like(image, dtype=np.float64)
    return np.floor((image - low) / (high - low) * 255 + 0.5)


def histogram(image: NDArray) -> NDArray:
    """Share of each of the 256 grey levels, shape (256,); values are rounded down."""
    return np.bincount(np.floor(image).astype(np.int64).ravel(), minlength=LEVELS) / image.size


def entropy_of(shares: NDArray, log: Callable[[NDArray], NDArray] = np.log2) -> float:
    """Entropy of a distribution, in the unit of ``log``."""
    shares = shares[shares > 0]
    return float(-(shares * log(shares)).sum())


def entropy(fused: NDArray) -> float:
    """Entropy of the grey levels in bits."""
    return entropy_of(histogram(fused))


def cross_entropy(source: NDArray, fused: NDArray) -> float:
    """Relative entropy of the histogram of a source against that of the fused image in bits, over common levels."""
    p, q = histogram(source), histogram(fused)
    both = (p > 0) & (q > 0)
    return float((p[both] * np.log2(p[both] / q[both])).sum())


def mutual_information(one: NDArray, other: NDArray) -> float:
    """Mutual information of two images of whole grey levels 0-255, in nats."""
    joint = np.bincount((one.astype(np.int64) * LEVELS + other.astype(np.int64)).ravel(), minlength=LEVELS**2)
    joint = joint.reshape(LEVELS, LEVELS) / one.size
    marginals = entropy_of(joint.sum(0), np.log) + entropy_of(joint.sum(1), np.log)
    return marginals - entropy_of(joint.ravel(), np.log)
