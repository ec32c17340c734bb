"""Structural similarity as a loss (Wang et al., 2004)."""

import torch
from torch import Tensor

WINDOW, SIGMA = 11, 1.5
C1, C2 = 0.01**2, 0.03**2  # for values from 0 to 1


def ssim_map(x: Tensor, y: Tensor) -> Tensor:
    """SSIM at each pixel of two images B×C×H×W in [0, 1], with a Gaussian window of 11 and σ 1.5.

    Borders are reflected without repeating the edge pixel, so that the map has the size of the images.
    """
    if x.dtype in (torch.float16, torch.bfloat16):
        x, y = x.float(), y.float()
    with torch.autocast(x.device.type, enabled=False):  # variances are small differences of large numbers
        y = y.to(x.dtype)
        # of both variances only the sum counts; each image by itself, so that the target's has no gradient
        mean_x, mean_y, squares, product = map(_blur, (x, y, x * x + y * y, x * y))
        means_squared, means_product = mean_x**2 + mean_y**2, mean_x * mean_y
        numerator = (2 * means_product + C1) * (2 * (product - means_product) + C2)
        return numerator / ((means_squared + C1) * (squares - means_squared + C2) + 1e-12)


def ssim_loss(x: Tensor, y: Tensor) -> Tensor:
    """Mean structural dissimilarity, (1 - SSIM) / 2 clipped to [0, 1]."""
    return ((1 - ssim_map(x, y)) / 2).clip(0, 1).mean()


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
