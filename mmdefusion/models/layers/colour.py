"""The luma (ITU-R BT.601) of batches of images."""

import torch
from torch import Tensor

WEIGHTS = 0.299, 0.587, 0.114  # of red, green and blue, as in ``mmdefusion.rules.luma``, which takes arrays too


def luma(image: Tensor) -> Tensor:
    """The luma of RGB images: …×3×H×W to …×1×H×W."""
    red, green, blue = image.split(1, dim=-3)
    return red * WEIGHTS[0] + green * WEIGHTS[1] + blue * WEIGHTS[2]


def as_pairs(images: Tensor) -> Tensor:
    """Pairs B×6×H×W of single RGB images B×3×H×W and their grey values; pairs stay as they are."""
    return torch.cat([images, luma(images).expand_as(images)], dim=1) if images.shape[1] == 3 else images
