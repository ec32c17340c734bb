"""Metrics with a model of contrast perception: Chen-Blum (Qcb) and Chen-Varshney (Qcv)."""

import cv2
import numpy as np
from numpy.typing import NDArray

from .information import stretch

BLOCK = 16


def frequencies(count: int) -> NDArray:
    """Frequencies of a centred spectrum, from -1 to below 1 (MATLAB's freqspace)."""
    return (np.arange(count) - count // 2) * 2 / count


def radius(shape: tuple[int, int], scale: float) -> NDArray:
    """Distance from the centre of the spectrum, H×W; ``scale`` sets the visual angle that its unit refers to."""
    height, width = shape
    u, v = width / scale * frequencies(width), height / scale * frequencies(height)
    return np.hypot(u[None, :], v[:, None])


def filter_spectrum(image: NDArray, response: NDArray) -> NDArray:
    """Filters an image in the frequency domain by a centred response, H×W; the result is complex."""
    return np.fft.ifft2(np.fft.fft2(image) * np.fft.ifftshift(response))


def qcb(one: NDArray, other: NDArray, fused: NDArray) -> float:
    """How well the fused image keeps the contrast of its sources, weighted with that contrast (Chen and Blum, 2009)."""
    r = radius(fused.shape, 30)
    response = np.exp(-((r / 15.3870) ** 2)) - 0.7622 * np.exp(-((r / 1.3456) ** 2))
    a, b, f = (_contrast(filter_spectrum(stretch(image), response)) for image in (one, other, fused))
    weight_a, weight_b = a**2, b**2
    total = weight_a + weight_b
    share = np.divide(weight_a, total, out=np.full_like(total, 0.5), where=total > 0)
    return float((share * _ratio(a, f) + (1 - share) * _ratio(b, f)).mean())


def _contrast(image: NDArray) -> NDArray:
    """Masked local contrast of a filtered, complex image."""
    narrow, wide = (_blur(image, sigma) for sigma in (2.0, 4.0))
    with np.errstate(divide='ignore', invalid='ignore'):
        contrast = np.nan_to_num(np.abs(narrow / wide - 1), nan=0.0, posinf=1e50)
    return contrast**3 / (contrast**2 + 1e-4)


def _blur(image: NDArray, sigma: float) -> NDArray:
    """Blurs with a 31×31 Gaussian that is not normalised by its sum, with zero padding."""
    position = np.arange(-15, 16)
    window = np.exp(-(position**2) / (2 * sigma**2)) / (np.sqrt(2 * np.pi) * sigma)
    real, imaginary = (
        cv2.sepFilter2D(np.ascontiguousarray(part), cv2.CV_64F, window, window, borderType=cv2.BORDER_CONSTANT)
        for part in (image.real, image.imag)
    )
    return real + 1j * imaginary


def _ratio(one: NDArray, other: NDArray) -> NDArray:
    high = np.maximum(one, other)
    return np.divide(np.minimum(one, other), high, out=np.ones_like(high), where=high > 0)


def qcv(one: NDArray, other: NDArray, fused: NDArray) -> float:
    """Visible difference from the sources, weighted with saliency (Chen and Varshney, 2007); lower is better."""
    r = radius(fused.shape, 8)
    response = 2.6 * (0.0192 + 0.144 * r) * np.exp(-((0.144 * r) ** 1.1))
    a, b, f = (stretch(image) for image in (one, other, fused))
    saliency = [_block_sums(_gradient(image) ** 5) for image in (a, b)]
    difference = [_block_sums(filter_spectrum(image - f, response).real ** 2) / BLOCK**2 for image in (a, b)]
    total = saliency[0].sum() + saliency[1].sum()
    if total == 0:
        return float(np.mean(difference))
    return float(sum((s * d).sum() for s, d in zip(saliency, difference, strict=True)) / total)


def _gradient(image: NDArray) -> NDArray:
    horizontal = cv2.Sobel(image, cv2.CV_64F, 1, 0, borderType=cv2.BORDER_CONSTANT)
    vertical = cv2.Sobel(image, cv2.CV_64F, 0, 1, borderType=cv2.BORDER_CONSTANT)
    return np.hypot(horizontal, vertical)


def _block_sums(image: NDArray) -> NDArray:
    """Sums over 16×16 blocks, with zero padding."""
    height, width = image.shape
    image = np.pad(image, ((0, -height % BLOCK), (0, -width % BLOCK)))
    return image.reshape(image.shape[0] // BLOCK, BLOCK, -1, BLOCK).sum((1, 3))
