"""Takes each image's own grid of patches out of the grid of a batch, and puts it back."""

import torch
from torch import Tensor
from torch.nn.functional import pad

from .padding import Size


def crop(tokens: Tensor, grid: Size, own: Size, leading: int) -> Tensor:
    """Leading tokens and the patches at the top left: B×(leading + h·w)×C to those of the grid ``own``."""
    patches = tokens[:, leading:].unflatten(1, grid)[:, : own[0], : own[1]]
    return torch.cat([tokens[:, :leading], patches.flatten(1, 2)], dim=1)


def extend(tokens: Tensor, grid: Size, own: Size, leading: int) -> Tensor:
    """Undoes :func:`crop`, with zeros."""
    patches = tokens[:, leading:].unflatten(1, own)
    patches = pad(patches, (0, 0, 0, grid[1] - own[1], 0, grid[0] - own[0]))
    return torch.cat([tokens[:, :leading], patches.flatten(1, 2)], dim=1)
