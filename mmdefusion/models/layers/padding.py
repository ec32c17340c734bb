"""Which part of a padded batch is picture.

Toolboxes stack pictures of several sizes to one tensor, padded at the bottom and the right, and hand the backbone
nothing but that tensor. So the padding itself says where it is: it is -0.0, which stock parts take for the 0 they
expect, and which no normalised pixel is, since x - mean is never -0.0. The mark outlives crops (sliding windows), casts
and moves between devices.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad

from .patch_embed import PATCH_SIZE

PADDING = -0.0

Size = tuple[int, int]


def mark_padding(images: Tensor, sizes: Sequence[Size]) -> None:
    """Write the mark, in place, wherever the pictures of a padded batch are not.

    Args:
        images: B×C×H×W.
        sizes: height and width of each picture, which begins top left.
    """
    for image, (height, width) in zip(images, sizes, strict=True):
        image[:, height:] = PADDING
        image[:, :, width:] = PADDING


class Content(NamedTuple):
    """Where the pictures of a batch are. Without padding everything is picture, and nothing here does anything."""

    image_size: Size  #: H, W of the batch in pixels
    sizes: tuple[Size, ...] | None = None  #: height and width of each picture; None where none is padded

    @classmethod
    def of(cls, images: Tensor) -> 'Content':
        """Finds the pictures of a padded batch B×C×H×W. Exported models look for none: they know one size."""
        size = tuple(images.shape[-2:])
        if images.is_meta or torch.jit.is_tracing() or torch.compiler.is_exporting():
            return cls(size)
        return cls(size, find_sizes(images))

    def pictures(self, images: Tensor) -> Tensor:
        """The batch without what is padding in all pictures, their last pixels repeated over the rest of it."""
        if self.sizes is None:
            return images
        height, width = map(max, zip(*self.sizes, strict=True))
        return repeat_edges(images[..., :height, :width], self.sizes)

    def grids(self) -> list[Size] | None:
        """Rows and columns of the patches of each picture; None where they are the same for all."""
        grids = None if self.sizes is None else cells(self.sizes, PATCH_SIZE)
        return None if grids is None or len(set(grids)) == 1 else grids

    def token_mask(self, grid: Size, device: torch.device) -> Tensor | None:
        """B×(1 + h·w), true for the class token and the patches of each picture; None where that is all of them."""
        if (grids := self.grids()) is None:
            return None
        return pad(cell_mask(grids, grid, device).flatten(1), (1, 0), value=True)

    def extend(self, maps: Tensor) -> Tensor:
        """B×C×h×w maps of patches with the last ones of each picture repeated over what is none of it."""
        return maps if (grids := self.grids()) is None else repeat_edges(maps, grids)

    def isolate(self, maps: Tensor, stride: int) -> Tensor:
        """Maps at ``stride`` with 0 behind each picture's patches, as a convolution sees it behind a border."""
        if (grids := self.grids()) is None:
            return maps
        whole_patches = [(rows * PATCH_SIZE, columns * PATCH_SIZE) for rows, columns in grids]
        return erase(maps, cells(whole_patches, stride))

    def clear(self, maps: Tensor, stride: int) -> Tensor:
        """Maps at ``stride`` with 0 behind each picture itself, for convolutions that know no patches."""
        return maps if self.sizes is None else erase(maps, cells(self.sizes, stride))

    def fit(self, maps: Tensor, stride: int) -> Tensor:
        """Maps of the pictures to maps of the batch: B×C×ceil(H/stride)×ceil(W/stride).

        Where there is padding, each map goes on mirrored: heads that take means over whole maps (GroupNorm, pooling)
        then find nearly what they find without padding, which 0 or the last values repeated do not give.
        What the extension to whole patches added is cut off: heads take a map to cover exactly the image, and without
        the cut an image of 17 rows would be stretched over the 32 that were encoded.
        """
        ((height, width),) = cells([self.image_size], stride)
        maps = maps[..., :height, :width]
        if self.sizes is None:
            return maps
        maps = pad(maps, (0, width - maps.shape[-1], 0, height - maps.shape[-2]))
        return mirror_edges(maps, cells(self.sizes, stride))


@torch.compiler.disable  # the sizes are numbers on the host, on which positions and masks depend
def find_sizes(images: Tensor) -> tuple[Size, ...] | None:
    """Height and width of each picture of B×C×H×W, or None where none is padded.

    A sliding window in which there is nothing but padding counts as picture: its result is thrown away.
    """
    height, width = images.shape[-2:]
    edges = torch.cat([images[:, 0, :, 0], images[:, 0, 0, :]], dim=1)
    padded = (edges == 0) & edges.signbit()
    counts = torch.stack([padded[:, :height].sum(1), padded[:, height:].sum(1)], dim=1)
    sizes = tuple((height - bottom, width - right) for bottom, right in counts.tolist())
    sizes = tuple(size if all(size) else (height, width) for size in sizes)
    return None if all(size == (height, width) for size in sizes) else sizes


def cells(sizes: Sequence[Size], stride: int) -> list[Size]:
    """Rows and columns of the cells of ``stride`` pixels that pictures touch."""
    return [(-(-height // stride), -(-width // stride)) for height, width in sizes]


def erase(maps: Tensor, kept: Sequence[Size]) -> Tensor:
    """B×C×h×w with 0 everywhere but in the top left ``kept`` cells of each sample."""
    if all(size == tuple(maps.shape[-2:]) for size in kept):
        return maps
    return maps * cell_mask(kept, maps.shape[-2:], maps.device)[:, None]


def repeat_edges(maps: Tensor, sizes: Sequence[Size]) -> Tensor:
    """B×C×H×W with the last row and column of each picture in place of all that follow it."""
    return extrapolate(maps, sizes, lambda index, count: torch.minimum(index, count - 1))


def mirror_edges(maps: Tensor, sizes: Sequence[Size]) -> Tensor:
    """B×C×H×W with each picture's own mirror image in place of all that follows it, as often as there is place."""
    return extrapolate(
        maps, sizes, lambda index, count: torch.minimum(index % (2 * count), 2 * count - 1 - index % (2 * count))
    )


def extrapolate(maps: Tensor, sizes: Sequence[Size], source: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """Maps in which each row and column is that which ``source`` names for its index and the picture's size."""
    if all(size == tuple(maps.shape[-2:]) for size in sizes):
        return maps
    counts = torch.tensor(sizes, device=maps.device)[..., None]  # B×2×1
    rows, columns = (source(torch.arange(maps.shape[k - 2], device=maps.device), counts[:, k]) for k in (0, 1))
    batch, channel = (torch.arange(count, device=maps.device) for count in maps.shape[:2])
    return maps[batch[:, None, None, None], channel[:, None, None], rows[:, None, :, None], columns[:, None, None]]


def cell_mask(kept: Sequence[Size], grid: Size, device: torch.device) -> Tensor:
    """B×h×w, true in the top left ``kept`` cells of each sample."""
    row, column = (torch.arange(side, device=device) for side in grid)
    counts = torch.tensor(kept, device=device)[..., None]  # B×2×1
    return (row < counts[:, 0])[:, :, None] & (column < counts[:, 1])[:, None]
