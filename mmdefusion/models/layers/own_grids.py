"""Applies attention that knows places to each image of a batch by its own grid of patches."""

from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import pad

from .padding import Size

Attention = Callable[[Tensor, Tensor, Tensor], Tensor]


class OnGrid(Protocol):
    """What tokens attend to, by the places of patches: a named tuple of these fields and more."""

    grid: Size  #: h, w of the batch in patches
    own: Sequence[Size] | None  #: rows and columns of each image; None if all fill the grid
    leading: int  #: tokens before the patches

    def apply_to_grid(self, attention: Attention, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Attends where all images fill the grid."""


def apply_by_grid(reach: OnGrid, attention: Attention, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Applies an attention to each image cropped to its own grid.

    Args:
        reach: what the tokens attend to. If its ``own`` has half as many images as the batch, it counts for both images
            of each pair, which are concatenated along the batch.
        attention: function from queries, keys and values, B×N×C each, to B×N×C.
        q, k, v: leading tokens, then h·w patches, B×N×C each.

    Returns:
        B×N×C; zero at patches beyond the image's own grid.
    """
    if reach.own is None:
        return reach.apply_to_grid(attention, q, k, v)
    own = list(reach.own) * (len(q) // len(reach.own))
    found, order = [], []
    for grid in dict.fromkeys(own):
        index = [number for number, size in enumerate(own) if size == grid]
        alone = reach._replace(grid=grid, own=None)
        cropped = (crop(x[index], reach.grid, grid, reach.leading) for x in (q, k, v))
        found.append(extend(alone.apply_to_grid(attention, *cropped), reach.grid, grid, reach.leading))
        order += index
    back = sorted(range(len(order)), key=order.__getitem__)
    return torch.cat(found)[back]


def crop(tokens: Tensor, grid: Size, own: Size, leading: int) -> Tensor:
    """Leading tokens and the patches at the top left."""
    patches = tokens[:, leading:].unflatten(1, grid)[:, : own[0], : own[1]]
    return torch.cat([tokens[:, :leading], patches.flatten(1, 2)], dim=1)


def extend(tokens: Tensor, grid: Size, own: Size, leading: int) -> Tensor:
    """Undoes :func:`crop`, with zeros."""
    patches = tokens[:, leading:].unflatten(1, own)
    patches = pad(patches, (0, 0, 0, grid[1] - own[1], 0, grid[0] - own[0]))
    return torch.cat([tokens[:, :leading], patches.flatten(1, 2)], dim=1)
