"""Finds the images in a padded batch, and treats the padding.

The toolboxes stack images of several sizes in one tensor, padded at the bottom and the right, and the backbone gets
only that tensor. So the padding marks itself: it is -0.0, which stock parts treat as the 0 that they expect, and which
no normalised pixel can be, since x - mean is never -0.0. The mark survives crops (sliding windows), casts and moves
between devices.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad

from .patch_embed import PATCH_SIZE

PADDING = -0.0

Size = tuple[int, int]


def mark_padding(images: Tensor, sizes: Sequence[Size]) -> None:
    """Marks the padding of a batch, in place.

    Args:
        images: B×C×H×W.
        sizes: height and width of each image, which starts at the top left.
    """
    for image, (height, width) in zip(images, sizes, strict=True):
        image[:, height:] = PADDING
        image[:, :, width:] = PADDING


class Content(NamedTuple):
    """The sizes of the images in a batch. Without padding, all methods leave their input unchanged."""

    image_size: Size  #: H, W of the batch in pixels
    sizes: tuple[Size, ...] | None = None  #: height and width of each image; None if none is padded

    @classmethod
    def of(cls, images: Tensor) -> 'Content':
        """Finds the images of a padded batch B×C×H×W.

        Exported models cannot look for marks, and all images of their batches have one size: that of
        :func:`exported_size`, or without it that of the batch.
        """
        size = tuple(images.shape[-2:])
        if images.is_meta or torch.jit.is_tracing() or torch.compiler.is_exporting():
            own = _exported.get()
            return cls(size) if own is None else ExportedContent(size, (own,))
        return cls(size, find_sizes(images))

    def without_padding(self, images: Tensor) -> Tensor:
        """Crops the padding that all images share, and fills the rest by repeating the last pixels of each image."""
        if self.sizes is None:
            return images
        height, width = map(max, zip(*self.sizes, strict=True))
        return repeat_edges(images[..., :height, :width], self.sizes)

    def grids(self) -> list[Size] | None:
        """Rows and columns of the patches of each image; None if they are the same for all."""
        grids = None if self.sizes is None else cells(self.sizes, PATCH_SIZE)
        return None if grids is None or len(set(grids)) == 1 else grids

    def enlarged(self, factor: int) -> 'Content':
        """The sizes after each image was extended to whole patches and enlarged."""
        size, *own = (
            (rows * PATCH_SIZE * factor, columns * PATCH_SIZE * factor)
            for rows, columns in cells([self.image_size, *(self.sizes or ())], PATCH_SIZE)
        )
        return type(self)(size, tuple(own) or None)

    def token_mask(self, grid: Size, device: torch.device) -> Tensor | None:
        """B×(1 + h·w), true for the class token and the patches of each image; None if all are true."""
        if (grids := self.grids()) is None:
            return None
        return pad(cell_mask(grids, grid, device).flatten(1), (1, 0), value=True)

    def extend(self, maps: Tensor) -> Tensor:
        """Repeats the last patches of each image over its padding, in maps B×C×h×w."""
        return maps if (grids := self.grids()) is None else repeat_edges(maps, grids)

    def isolate(self, maps: Tensor, stride: int) -> Tensor:
        """Sets maps at ``stride`` to 0 beyond the patches of each image, as convolutions pad at a border."""
        if (grids := self.grids()) is None:
            return maps
        whole_patches = [(rows * PATCH_SIZE, columns * PATCH_SIZE) for rows, columns in grids]
        return erase(maps, cells(whole_patches, stride))

    def clear(self, maps: Tensor, stride: int) -> Tensor:
        """Sets maps at ``stride`` to 0 beyond each image itself, for convolutions that do not use patches."""
        return maps if self.sizes is None else erase(maps, cells(self.sizes, stride))

    def fit(self, maps: Tensor, stride: int) -> Tensor:
        """Fits maps to the size of the batch: B×C×ceil(H/stride)×ceil(W/stride).

        Over padding, each map is mirrored: heads that average over whole maps (GroupNorm, pooling) then give nearly the
        same as without padding, which 0 or repeated values do not achieve. What the extension to whole patches added is
        cropped: heads assume that a map covers exactly the image, and would stretch an image of 17 rows over the 32
        encoded ones. They are contiguous, since mmcv's own operators (RoIAlign, deformable convolutions) read them in
        that order whatever their strides say.
        """
        ((height, width),) = cells([self.image_size], stride)
        maps = maps[..., :height, :width]
        if self.sizes is not None:
            maps = pad(maps, (0, width - maps.shape[-1], 0, height - maps.shape[-2]))
            maps = mirror_edges(maps, cells(self.sizes, stride))
        return maps.contiguous()


class ExportedContent(Content):
    """A batch of images of one size, which is only a symbol while a model is exported, padded at the end of all."""

    def without_padding(self, images: Tensor) -> Tensor:
        ((height, width),) = self.sizes
        return images[..., :height, :width]

    def grids(self) -> None:
        return None

    def clear(self, maps: Tensor, stride: int) -> Tensor:
        return maps  # without_padding() has cropped all padding

    def fit(self, maps: Tensor, stride: int) -> Tensor:
        """As that of :class:`Content`, with indices that are computed in the graph."""
        for dim, side, own in zip((-2, -1), *cells([self.image_size, self.sizes[0]], stride), strict=True):
            # as a tensor: the exporter knows no remainder by a size that is open
            period = torch.scalar_tensor(own * 2, dtype=torch.long, device=maps.device)
            index = torch.arange(side, device=maps.device) % period
            maps = maps.index_select(dim, torch.minimum(index, period - 1 - index))
        return maps


_exported: ContextVar[Size | None] = ContextVar('exported', default=None)


@contextmanager
def exported_size(size: Size) -> Iterator[None]:
    """Height and width of the images in padded batches, while a model is exported."""
    token = _exported.set(size)
    try:
        yield
    finally:
        _exported.reset(token)


@torch.compiler.disable  # positions and masks depend on the sizes as numbers on the host
def find_sizes(images: Tensor) -> tuple[Size, ...] | None:
    """Height and width of each image of B×C×H×W, or None if none is padded.

    A sliding window that has only padding counts as an image: its result is discarded.
    """
    height, width = images.shape[-2:]
    edges = torch.cat([images[:, 0, :, 0], images[:, 0, 0, :]], dim=1)
    padded = (edges == 0) & edges.signbit()
    counts = torch.stack([padded[:, :height].sum(1), padded[:, height:].sum(1)], dim=1)
    sizes = tuple((height - bottom, width - right) for bottom, right in counts.tolist())
    sizes = tuple(size if all(size) else (height, width) for size in sizes)
    return None if all(size == (height, width) for size in sizes) else sizes


def cells(sizes: Sequence[Size], stride: int) -> list[Size]:
    """Rows and columns of the cells of ``stride`` pixels that images touch."""
    # no negative numbers: ONNX divides them towards 0 where sizes are open
    return [((height + stride - 1) // stride, (width + stride - 1) // stride) for height, width in sizes]


def erase(maps: Tensor, kept: Sequence[Size]) -> Tensor:
    """Sets B×C×h×w to 0 outside the top left ``kept`` cells of each sample."""
    if all(size == tuple(maps.shape[-2:]) for size in kept):
        return maps
    return maps * cell_mask(kept, maps.shape[-2:], maps.device)[:, None]


def repeat_edges(maps: Tensor, sizes: Sequence[Size]) -> Tensor:
    """Repeats the last row and column of each image over its padding, B×C×H×W."""
    return extrapolate(maps, sizes, lambda index, count: torch.minimum(index, count - 1))


def mirror_edges(maps: Tensor, sizes: Sequence[Size]) -> Tensor:
    """Fills the padding of B×C×H×W by mirroring each image, as often as needed."""
    return extrapolate(
        maps, sizes, lambda index, count: torch.minimum(index % (2 * count), 2 * count - 1 - index % (2 * count))
    )


def extrapolate(maps: Tensor, sizes: Sequence[Size], source: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """Takes each row and column from the index that ``source`` gives for its own index and the size of the image."""
    if all(size == tuple(maps.shape[-2:]) for size in sizes):
        return maps
    counts = torch.tensor(sizes, device=maps.device)[..., None]  # B×2×1
    rows, columns = (source(torch.arange(maps.shape[k - 2], device=maps.device), counts[:, k]) for k in (0, 1))
    # one side after the other: the gradient of an index of all four sides is a sort of all numbers on a GPU, and takes
    # twice as long on a CPU
    maps = maps.gather(2, rows[:, None, :, None].expand_as(maps))
    return maps.gather(3, columns[:, None, None].expand_as(maps))


def cell_mask(kept: Sequence[Size], grid: Size, device: torch.device) -> Tensor:
    """B×h×w, true in the top left ``kept`` cells of each sample."""
    row, column = (torch.arange(side, device=device) for side in grid)
    counts = torch.tensor(kept, device=device)[..., None]  # B×2×1
    return (row < counts[:, 0])[:, :, None] & (column < counts[:, 1])[:, None]
