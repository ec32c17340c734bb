"""Structural similarity as a loss (Wang et al., 2004)."""

from typing import NamedTuple

import torch
from torch import Tensor

WINDOW, SIGMA = 11, 1.5
C1, C2 = 0.01**2, 0.03**2  # for values from 0 to 1


class LocalStatistics(NamedTuple):
    """Variances and covariance of two images in Gaussian windows around each pixel, B×C×H×W each."""

    var_x: Tensor
    var_y: Tensor
    covariance: Tensor


def ssim_map(x: Tensor, y: Tensor) -> Tensor:
    """SSIM at each pixel of two images B×C×H×W in [0, 1], with a Gaussian window of 11 and σ 1.5.

    Borders are reflected without repeating the edge pixel, so that the map has the size of the images.
    """
    with torch.autocast(x.device.type, enabled=False):
        x, y = _in_full(x, y)
        # of both variances only the sum counts; each image by itself, so that the target's has no gradient
        mean_x, mean_y, squares, product = map(_blur, (x, y, x * x + y * y, x * y))
        means_squared, means_product = mean_x**2 + mean_y**2, mean_x * mean_y
        numerator = (2 * means_product + C1) * (2 * (product - means_product) + C2)
        return numerator / ((means_squared + C1) * (squares - means_squared + C2) + 1e-12)


def local_statistics(x: Tensor, y: Tensor) -> LocalStatistics:
    """Statistics of two images B×C×H×W in the windows of :func:`ssim_map`, in float32 at least."""
    with torch.autocast(x.device.type, enabled=False):
        x, y = _in_full(x, y)
        mean_x, mean_y, xx, yy, xy = map(_blur, (x, y, x * x, y * y, x * y))
        return LocalStatistics(xx - mean_x**2, yy - mean_y**2, xy - mean_x * mean_y)


def ssim_loss(x: Tensor, y: Tensor) -> Tensor:
    """Mean structural dissimilarity, (1 - SSIM) / 2 clipped to [0, 1]."""
    return ((1 - ssim_map(x, y)) / 2).clip(0, 1).mean()


def _in_full(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Both images in float32 or more: variances are small differences of large numbers."""
    x = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    return x, y.to(x.dtype)


def _blur(images: Tensor) -> Tensor:
    """Blurs images …×H×W with the Gaussian window, along columns and rows."""
    down, across = (_blur_matrix(side, images) for side in images.shape[-2:])
    return down @ images @ across.T


def _blur_matrix(side: int, like: Tensor) -> Tensor:
    """The matrix side×side that blurs a line of pixels with reflected ends.

    CPUs are slow at one-channel convolutions: at 224², these matrix products take a fifth of their time.
    """
    if side <= WINDOW // 2:
        raise ValueError(f'SSIM reflects {WINDOW // 2} pixels at each border; an image side of {side} is too short.')
    position = torch.arange(WINDOW, dtype=like.dtype, device=like.device) - WINDOW // 2
    weight = torch.exp(-(position**2) / (2 * SIGMA**2))
    source = (torch.arange(side, device=like.device)[:, None] + position.long()).abs()
    source = torch.where(source < side, source, 2 * (side - 1) - source)
    return like.new_zeros(side, side).scatter_add(1, source, (weight / weight.sum()).expand(side, -1))
