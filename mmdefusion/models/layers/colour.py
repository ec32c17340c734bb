"""Splits images into luma (ITU-R 601) and colour, and puts them together again, without loss."""

import torch
from torch import Tensor

LUMA = (0.299, 0.587, 0.114)


def luma(image: Tensor) -> Tensor:
    """The luma of RGB images: …×3×H×W to …×1×H×W."""
    weights = image.new_tensor(LUMA).view(3, 1, 1)
    return (image * weights).sum(-3, keepdim=True)


def with_luma(image: Tensor, brightness: Tensor) -> Tensor:
    """Replaces the luma of an image and keeps its colour differences.

    Where the result would leave [0, 1], the colour fades towards grey as far as needed; luma and hue stay.

    Args:
        image: …×3×H×W, RGB in [0, 1].
        brightness: the new luma, …×1×H×W.
    """
    brightness = brightness.clip(0, 1)
    chroma = image - luma(image)
    room = torch.where(chroma > 0, 1 - brightness, brightness)
    share = (room / chroma.abs().clip(min=1e-6)).amin(-3, keepdim=True).clip(max=1)
    return brightness + chroma * share
