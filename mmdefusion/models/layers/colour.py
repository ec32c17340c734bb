"""Splits images into luma (ITU-R 601) and colour, and puts them together again, without loss."""

import torch
from torch import Tensor

LUMA = (0.299, 0.587, 0.114)
FAINT = 1e-6  # difference of a channel from the luma below which there is no colour that could fade


def luma(image: Tensor) -> Tensor:
    """The luma of RGB images: …×3×H×W to …×1×H×W."""
    red, green, blue = image.split(1, dim=-3)
    return red * LUMA[0] + green * LUMA[1] + blue * LUMA[2]


def as_pairs(images: Tensor) -> Tensor:
    """Pairs B×6×H×W of single RGB images B×3×H×W and their grey values; pairs stay as they are."""
    return torch.cat([images, luma(images).expand_as(images)], dim=1) if images.shape[1] == 3 else images


def with_luma(image: Tensor, brightness: Tensor) -> Tensor:
    """Replaces the luma of an image and keeps its colour differences.

    Where the result would leave [0, 1], the colour fades towards grey as far as needed; luma and hue stay.

    Args:
        image: …×3×H×W, RGB in [0, 1].
        brightness: the new luma, …×1×H×W.
    """
    brightness, grey = brightness.clip(0, 1), luma(image)
    above, below = image.amax(-3, keepdim=True) - grey, grey - image.amin(-3, keepdim=True)
    share = ((1 - brightness) / above.clip(min=FAINT)).minimum(brightness / below.clip(min=FAINT)).clip(max=1)
    return brightness + (image - grey) * share
