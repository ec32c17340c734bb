"""The filters of :mod:`mmdefusion.rules.filters` for tensors C×H×W; importing this module lets the rules take them."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate, max_pool2d, pad

from mmdefusion.rules import filters


def by_opencv(apply: Callable[..., np.ndarray], image: Tensor, *numbers: int) -> Tensor:
    """A filter of a map on a CPU in its form for arrays: OpenCV's take the same time for windows of any size."""
    return torch.from_numpy(apply(image[0].numpy(), *numbers))[None]


def suits_opencv(image: Tensor) -> bool:
    """Whether OpenCV can filter a tensor: one on a CPU, in single precision, that needs no gradient."""
    return image.device.type == 'cpu' and image.dtype == torch.float32 and not image.requires_grad


@filters.size_of.register
def size_of(image: Tensor) -> tuple[int, int]:
    return tuple(image.shape[-2:])


@filters.median.register
def median(values: Tensor) -> Tensor:
    return values.median()


@filters.choose.register
def choose(where: Tensor, one: float | Tensor, other: Tensor) -> Tensor:
    return torch.where(where, one, other)


@filters.log.register
def log(values: Tensor) -> Tensor:
    return values.log()


@filters.sigmoid.register
def sigmoid(values: Tensor) -> Tensor:
    return values.sigmoid()


@filters.grey.register
def grey(image: Tensor) -> Tensor:
    return image.mean(0, keepdim=True)


@filters.greatest_above.register
def greatest_above(image: Tensor) -> Tensor:
    return image.cummax(-2).values


@filters.channels.register
def channels(image: Tensor) -> tuple[Tensor, ...]:
    return image.split(1, dim=-3)


@filters.over.register
def over(weights: Tensor, image: Tensor) -> Tensor:
    return weights


@filters.blur.register
def blur(image: Tensor, times: int = 1) -> Tensor:
    """Shifted sums need far less memory than a convolution."""
    mode = 'reflect' if min(image.shape[-2:]) > 2 else 'replicate'
    for _ in range(times):
        padded = pad(image, (2, 2, 2, 2), mode=mode)
        image = _blur_along(_blur_along(padded, dim=2), dim=1)
    return image


def _blur_along(padded: Tensor, dim: int) -> Tensor:
    size = padded.shape[dim] - 4
    total = padded.narrow(dim, 2, size) * (6 / 16)
    for place, weight in ((0, 1), (1, 4), (3, 4), (4, 1)):
        total.add_(padded.narrow(dim, place, size), alpha=weight / 16)
    return total


@filters.every_second.register
def every_second(image: Tensor) -> Tensor:
    return image[:, ::2, ::2]


@filters.with_zeros.register
def with_zeros(image: Tensor, size: tuple[int, int]) -> Tensor:
    sparse = image.new_zeros(len(image), *size)
    sparse[:, ::2, ::2] = image
    return sparse


@filters.box_mean.register
def box_mean(image: Tensor, radius: int) -> Tensor:
    return by_opencv(filters.box_mean, image, radius) if suits_opencv(image) else pooled_mean(image, radius)


def pooled_mean(image: Tensor, radius: int) -> Tensor:
    size = 2 * radius + 1
    for kernel, padding in (((size, 1), (radius, 0)), ((1, size), (0, radius))):
        image = avg_pool2d(image[None], kernel, stride=1, padding=padding, count_include_pad=False)[0]
    return image


@filters.window_means.register
def window_means(image: Tensor, size: int) -> Tensor:
    return avg_pool2d(image, size, stride=1)


@filters.with_border.register
def with_border(image: Tensor, width: int) -> Tensor:
    return pad(image, (width,) * 4)


@filters.largest.register
def largest(image: Tensor, rows: int, columns: int) -> Tensor:
    if suits_opencv(image):
        return by_opencv(filters.largest, image, rows, columns)
    return pooled_largest(image, rows, columns)


def pooled_largest(image: Tensor, rows: int, columns: int) -> Tensor:
    for kernel, padding in (((2 * rows + 1, 1), (rows, 0)), ((1, 2 * columns + 1), (0, columns))):
        image = max_pool2d(image, kernel, stride=1, padding=padding)
    return image


@filters.shrink_by.register
def shrink_by(image: Tensor, factor: int) -> Tensor:
    return avg_pool2d(image[None], factor, ceil_mode=True, count_include_pad=False)[0]


@filters.grow_to.register
def grow_to(image: Tensor, like: Tensor) -> Tensor:
    return interpolate(image[None], like.shape[-2:], mode='bilinear', align_corners=False)[0]


@filters.resize.register
def resize(image: Tensor, size: tuple[int, int]) -> Tensor:
    return interpolate(image[None], size, mode='bilinear', antialias=True)[0]
