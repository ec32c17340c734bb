"""Filters of images C×H×W for the rules of fusion."""

from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate


def ramp(values: Tensor, low: float | Tensor, high: float | Tensor) -> Tensor:
    """A smooth step: 0 below ``low``, 1 above ``high``."""
    place = ((values - low) / (high - low)).clip(0, 1)
    return place * place * (3 - 2 * place)


def box_mean(image: Tensor, radius: int) -> Tensor:
    """Mean over windows of (2·radius + 1)² pixels, or the part of them inside the image."""
    size = 2 * radius + 1
    for kernel, padding in (((size, 1), (radius, 0)), ((1, size), (0, radius))):
        image = avg_pool2d(image[None], kernel, stride=1, padding=padding, count_include_pad=False)[0]
    return image


def shrink_by(image: Tensor, factor: int) -> Tensor:
    """Reduces an image by means over blocks of factor×factor pixels; blocks at the border may be smaller."""
    return avg_pool2d(image[None], factor, ceil_mode=True, count_include_pad=False)[0]


def grow_to(image: Tensor, like: Tensor) -> Tensor:
    """Resizes ``image`` to the size of ``like``."""
    return interpolate(image[None], like.shape[-2:], mode='bilinear', align_corners=False)[0]


def guided_filter(guide: Tensor, image: Tensor, radius: int, smooth: float, factor: int) -> Tensor:
    """Smooths ``image`` but keeps the edges of ``guide``, with the fast guided filter (He and Sun, 2015).

    Args:
        guide: 1×H×W.
        image: 1×H×W.
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
