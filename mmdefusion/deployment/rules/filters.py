"""Filters and Laplacian pyramids of images H×W or H×W×C, float32."""

import cv2
import numpy as np

BINOMIAL = np.array([1, 4, 6, 4, 1], np.float32) / 16


def blur(image: np.ndarray, times: int = 1) -> np.ndarray:
    """Applies a 5×5 binomial filter with mirrored borders."""
    border = cv2.BORDER_REFLECT_101 if min(image.shape[:2]) > 2 else cv2.BORDER_REPLICATE
    for _ in range(times):
        image = cv2.sepFilter2D(image, -1, BINOMIAL, BINOMIAL, borderType=border)
    return image


def shrink(image: np.ndarray) -> np.ndarray:
    """Halves the size, rounded up."""
    return np.ascontiguousarray(blur(image)[::2, ::2])


def expand(image: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Doubles the size to ``size`` by interpolation."""
    sparse = np.zeros((*size[:2], *image.shape[2:]), np.float32)
    sparse[::2, ::2] = image
    return 4 * blur(sparse)


def build_pyramid(image: np.ndarray, levels: int) -> list[np.ndarray]:
    """Bands from fine to coarse and the residual, each half the size of the one before."""
    bands = []
    for _ in range(levels):
        small = shrink(image)
        bands.append(image - expand(small, image.shape))
        image = small
    return [*bands, image]


def grey(image: np.ndarray) -> np.ndarray:
    """Mean over the channels, H×W."""
    return image if image.ndim == 2 else image.mean(2)


def block_means(image: np.ndarray, side: int) -> np.ndarray:
    """Means over blocks of side×side pixels of H×W; blocks at the border may be smaller."""
    for axis in (0, 1):
        starts = np.arange(0, image.shape[axis], side)
        counts = np.diff(np.append(starts, image.shape[axis])).astype(np.float32)
        image = np.add.reduceat(image, starts, axis=axis) / np.expand_dims(counts, 1 - axis)
    return image


def window_means(image: np.ndarray, size: int) -> np.ndarray:
    """Means over all windows of size×size pixels inside H×W: (H − size + 1)×(W − size + 1)."""
    means = cv2.boxFilter(image, -1, (size, size), anchor=(0, 0), borderType=cv2.BORDER_REPLICATE)
    return means[: image.shape[0] - size + 1, : image.shape[1] - size + 1]


def mean_of_windows(values: np.ndarray, size: int) -> np.ndarray:
    """For each pixel the mean over the windows that contain it, from the values of all windows."""
    total, count = (
        window_means(np.pad(image, size - 1), size) for image in (values, np.ones(values.shape, np.float32))
    )
    return total / count


def resize_up(image: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Enlarges H×W to the size of ``like`` (bilinear)."""
    return cv2.resize(image, like.shape[1::-1], interpolation=cv2.INTER_LINEAR)
