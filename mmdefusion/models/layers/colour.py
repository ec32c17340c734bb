"""The luma (ITU-R BT.601) of batches of images."""

import torch
from torch import Tensor

from mmdefusion.rules.luma import luma_of


def luma(image: Tensor) -> Tensor:
    """The luma of RGB images: …×3×H×W to …×1×H×W."""
    return luma_of(*image.split(1, dim=-3))


def as_pairs(images: Tensor) -> Tensor:
    """Pairs B×6×H×W of single RGB images B×3×H×W and their grey values; pairs stay as they are."""
    return torch.cat([images, luma(images).expand_as(images)], dim=1) if images.shape[1] == 3 else images
