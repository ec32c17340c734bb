"""Normalises images for the encoder and the teachers."""

import torch
from torch import Tensor, nn

# ImageNet's mean and standard deviation of RGB in 0-255, as the toolboxes' configs write them
IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_STD = (58.395, 57.12, 57.375)


class Normalize(nn.Module):
    """Subtracts ImageNet's mean and divides by its deviation: B×3×H×W, or pairs B×6×H×W, RGB in [0, 1]."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer('mean', _share(IMAGENET_MEAN), persistent=False)
        self.register_buffer('std', _share(IMAGENET_STD), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        return ((images.unflatten(1, (-1, 3)) - self.mean) / self.std).flatten(1, 2)


def _share(values: tuple[float, ...]) -> Tensor:
    """Values of 0-255 as those of [0, 1], 3×1×1."""
    return torch.tensor([value / 255 for value in values]).view(3, 1, 1)
