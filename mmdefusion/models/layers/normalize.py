"""Normalises images for the encoder and the teachers."""

import torch
from torch import Tensor, nn

# ImageNet's mean and standard deviation of RGB in [0, 1]
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


class Normalize(nn.Module):
    """Subtracts ImageNet's mean and divides by its deviation: B×3×H×W, or pairs B×6×H×W, RGB in [0, 1]."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer('mean', torch.tensor(MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer('std', torch.tensor(STD).view(3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        return ((images.unflatten(1, (-1, 3)) - self.mean) / self.std).flatten(1, 2)
