"""Brightness and colour of pictures, ITU-R 601, without loss."""

import torch
from torch import Tensor

LUMA = (0.299, 0.587, 0.114)


def luma(image: Tensor) -> Tensor:
    """…×3×H×W RGB to …×1×H×W."""
    weights = image.new_tensor(LUMA).view(3, 1, 1)
    return (image * weights).sum(-3, keepdim=True)


def with_luma(image: Tensor, brightness: Tensor) -> Tensor:
    """``image`` (…×3×H×W RGB), its colour differences kept, with another brightness (…×1×H×W).

    Where that leaves [0, 1], colours fade towards grey as far as they must: brightness and hue stay.
    """
    brightness = brightness.clip(0, 1)
    chroma = image - luma(image)
    room = torch.where(chroma > 0, 1 - brightness, brightness)
    share = (room / chroma.abs().clip(min=1e-6)).amin(-3, keepdim=True).clip(max=1)
    return brightness + chroma * share
