"""Measures from histograms of grey levels."""

import numpy as np
from numpy.typing import NDArray

LEVELS = 256


def stretch(image: NDArray) -> NDArray:
    """Least value to 0, greatest to 255, rounded half up; a flat image becomes 0."""
    low, high = float(image.min()), float(image.max())
    if low == high:
        return np.zeros_like(image, dtype=np.float64)
    return np.floor((image - low) / (high - low) * 255 + 0.5)


def histogram(image: NDArray) -> NDArray:
    """Share of each of 256 grey levels, values rounded down."""
    return np.bincount(np.floor(image).astype(np.int64).ravel(), minlength=LEVELS) / image.size


def entropy_of(shares: NDArray, log=np.log2) -> float:
    """Entropy of a distribution, in the unit of ``log``."""
    shares = shares[shares > 0]
    return float(-(shares * log(shares)).sum())


def entropy(fused: NDArray) -> float:
    """Entropy of the grey levels, bits."""
    return entropy_of(histogram(fused))


def cross_entropy(source: NDArray, fused: NDArray) -> float:
    """Cross entropy of the fused relative to the source histogram, over levels that both have, bits."""
    p, q = histogram(source), histogram(fused)
    both = (p > 0) & (q > 0)
    return float((p[both] * np.log2(p[both] / q[both])).sum())


def mutual_information(one: NDArray, other: NDArray) -> float:
    """Mutual information of two images of whole grey levels 0-255, nats."""
    joint = np.bincount((one.astype(np.int64) * LEVELS + other.astype(np.int64)).ravel(), minlength=LEVELS**2)
    joint = joint.reshape(LEVELS, LEVELS) / one.size
    marginals = entropy_of(joint.sum(0), np.log) + entropy_of(joint.sum(1), np.log)
    return marginals - entropy_of(joint.ravel(), np.log)
