"""Filters of images, each in two forms under one name, so that the rules of fusion are written once.

An image is an array of NumPy, H×W or H×W×C, or a tensor of PyTorch, 1×H×W or C×H×W; a map has one channel, H×W or
1×H×W; all are float32. A filter takes the form for the kind of its first argument. Those here are for NumPy and OpenCV,
and need no torch; importing :mod:`mmdefusion.models.fusers.filters` adds PyTorch's.
"""

from functools import singledispatch
from typing import TYPE_CHECKING, TypeVar

import cv2
import numpy as np
from PIL import Image as Pillow

if TYPE_CHECKING:
    from torch import Tensor

Image = TypeVar('Image', np.ndarray, 'Tensor')
BINOMIAL = np.array([1, 4, 6, 4, 1], np.float32) / 16


def ramp(values: Image, low: float | Image, high: float | Image) -> Image:
    """A smooth step: 0 below ``low``, 1 above ``high``."""
    place = ((values - low) / (high - low)).clip(0, 1)
    return place * place * (3 - 2 * place)


def resize_to(image: Image, like: Image) -> Image:
    """Resizes an image to the size of another (bilinear); where it gets smaller, no pixel is left out."""
    return resize(image, size_of(like))


def reduce_to(image: Image, pixels: int) -> Image:
    """Reduces an image to about as many pixels; smaller ones are returned as they are."""
    height, width = size_of(image)
    factor = (pixels / (height * width)) ** 0.5
    return image if factor >= 1 else resize(image, tuple(max(1, round(side * factor)) for side in (height, width)))


def guided_filter(guide: Image, image: Image, radius: int, smooth: float, factor: int) -> Image:
    """Smooths the map ``image`` but keeps the edges of ``guide``, with the fast guided filter (He and Sun, 2015).

    Args:
        guide: a map.
        image: a map of the same size.
        radius: radius of the windows in pixels.
        smooth: variance of the guide below which a window is smoothed.
        factor: factor by which the images of the coefficients are reduced.
    """
    small, target, radius = shrink_by(guide, factor), shrink_by(image, factor), max(1, radius // factor)
    middle, mean = box_mean(small, radius), box_mean(target, radius)
    covariance = box_mean(small * target, radius) - middle * mean
    slope = covariance / ((box_mean(small * small, radius) - middle * middle).clip(min=0) + smooth)
    offset = mean - slope * middle
    return grow_to(box_mean(slope, radius), guide) * guide + grow_to(box_mean(offset, radius), guide)


@singledispatch
def size_of(image: Image) -> tuple[int, int]:
    """Height and width."""
    return image.shape[:2]


@singledispatch
def median(values: Image) -> float | Image:
    """The median; of an even number of values the lower one of the two in the middle."""
    middle = (values.size - 1) // 2
    return np.partition(values, middle, axis=None)[middle]


@singledispatch
def choose(where: Image, one: float | Image, other: Image) -> Image:
    """``one`` where a condition holds, ``other`` elsewhere."""
    return np.where(where, one, other).astype(np.float32, copy=False)


@singledispatch
def log(values: Image) -> Image:
    """The natural logarithm."""
    return np.log(values)


@singledispatch
def sigmoid(values: Image) -> Image:
    """The logistic function."""
    return 1 / (1 + np.exp(-values.clip(-80, 80)))


@singledispatch
def grey(image: Image) -> Image:
    """Mean over the channels, a map."""
    return image if image.ndim == 2 else image.mean(2)


@singledispatch
def greatest_above(image: Image) -> Image:
    """The largest value of a map from the upper edge down to each pixel."""
    return np.maximum.accumulate(image, axis=0)


@singledispatch
def channels(image: Image) -> tuple[Image, ...]:
    """The channels of an image, maps."""
    return tuple(image[..., index] for index in range(image.shape[-1]))


@singledispatch
def over(weights: Image, image: Image) -> Image:
    """A map in a form that multiplies all channels of an image."""
    return weights if image.ndim == 2 else weights[..., None]


@singledispatch
def blur(image: Image, times: int = 1) -> Image:
    """Applies a 5×5 binomial filter with mirrored borders to an image."""
    border = cv2.BORDER_REFLECT_101 if min(image.shape[:2]) > 2 else cv2.BORDER_REPLICATE
    for _ in range(times):
        image = cv2.sepFilter2D(image, -1, BINOMIAL, BINOMIAL, borderType=border)
    return image


@singledispatch
def every_second(image: Image) -> Image:
    """The pixels at even rows and columns of an image."""
    return np.ascontiguousarray(image[::2, ::2])


@singledispatch
def with_zeros(image: Image, size: tuple[int, int]) -> Image:
    """An image of a size whose even rows and columns are those of ``image``, and whose other pixels are 0."""
    sparse = np.zeros((*size, *image.shape[2:]), np.float32)
    sparse[::2, ::2] = image
    return sparse


@singledispatch
def box_mean(image: Image, radius: int) -> Image:
    """Mean over windows of (2·radius + 1)² pixels of a map, or the part of them inside it."""
    size = 2 * radius + 1
    total = cv2.boxFilter(image, -1, (size, size), normalize=False, borderType=cv2.BORDER_CONSTANT)
    rows, columns = (pixels_inside(side, radius) for side in image.shape)
    return total / (rows[:, None] * columns)


def pixels_inside(side: int, radius: int) -> np.ndarray:
    """How many pixels of a window around each place of a row are in the row."""
    place = np.arange(side, dtype=np.float32)
    return np.minimum(place, radius) + np.minimum(side - 1 - place, radius) + 1


@singledispatch
def window_means(image: Image, size: int) -> Image:
    """Means over all windows of size×size pixels inside a map: (H − size + 1)×(W − size + 1)."""
    means = cv2.boxFilter(image, -1, (size, size), anchor=(0, 0), borderType=cv2.BORDER_REPLICATE)
    return means[: image.shape[0] - size + 1, : image.shape[1] - size + 1]


@singledispatch
def with_border(image: Image, width: int) -> Image:
    """A map with a border of zeros around it."""
    return np.pad(image, width)


@singledispatch
def largest(image: Image, rows: int, columns: int) -> Image:
    """Largest value of a map in windows of (2·rows + 1)×(2·columns + 1) pixels."""
    return cv2.dilate(image.astype(np.float32), np.ones((2 * rows + 1, 2 * columns + 1), np.uint8))


@singledispatch
def shrink_by(image: Image, factor: int) -> Image:
    """Reduces a map by means over blocks of factor×factor pixels; blocks at the border may be smaller."""
    bottom, right = (-side % factor for side in image.shape)
    whole = cv2.copyMakeBorder(image, 0, bottom, 0, right, cv2.BORDER_CONSTANT, value=0)
    small = cv2.resize(whole, [side // factor for side in whole.shape[::-1]], interpolation=cv2.INTER_AREA)
    small[-1] *= factor / (factor - bottom)
    small[:, -1] *= factor / (factor - right)
    return small


@singledispatch
def grow_to(image: Image, like: Image) -> Image:
    """Enlarges a map to the size of an image (bilinear)."""
    return cv2.resize(image, like.shape[1::-1], interpolation=cv2.INTER_LINEAR)


@singledispatch
def resize(image: Image, size: tuple[int, int]) -> Image:
    """Resizes an image to a height and a width (bilinear); where it gets smaller, no pixel is left out."""
    if size[0] >= image.shape[0] and size[1] >= image.shape[1]:
        return cv2.resize(image, size[::-1], interpolation=cv2.INTER_LINEAR)
    planes = np.moveaxis(np.atleast_3d(image), 2, 0)  # Pillow takes one channel of float32, and does as PyTorch does
    small = [Pillow.fromarray(np.ascontiguousarray(plane)).resize(size[::-1], Pillow.BILINEAR) for plane in planes]
    return np.stack([np.asarray(plane) for plane in small], axis=2).reshape(*size, *image.shape[2:])
