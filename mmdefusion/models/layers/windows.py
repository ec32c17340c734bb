"""Attention within windows of patches, which takes time proportional to the size of the image."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from .own_grids import Attention, apply_by_grid
from .padding import Size


class Windows(NamedTuple):
    """What each token attends to, where full attention would cost too much: an alternative to a mask.

    A patch attends to the patches of its window and to the leading tokens (class token, registers); the leading tokens
    attend to everything. As few windows of at most ``side``×``side`` patches as cover the grid are laid out evenly, so
    that none is a thin strip: 64 patches in a row are four windows of 13 and one of 12. Each image of a batch is cut by
    its own grid, so that its windows do not depend on the others or on the padding. If one window covers the grid, this
    is full attention.
    """

    side: int  #: longest side of a window in patches
    grid: Size  #: h, w of the batch in patches
    own: Sequence[Size] | None = None  #: rows and columns of each image; None if all fill the grid
    leading: int = 1  #: tokens before the patches

    def apply(self, attention: Attention, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Applies an attention within the windows.

        Args:
            attention: function from queries, keys and values, B×N×C each, to B×N×C.
            q, k, v: leading tokens, then h·w patches, B×N×C each. If ``own`` has half as many images as the batch, it
                counts for both images of each pair, which are concatenated along the batch.

        Returns:
            B×N×C; zero at patches beyond the image's own grid.
        """
        return apply_by_grid(self, attention, q, k, v)

    def apply_to_grid(self, attention: Attention, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """The same where all images fill the grid."""
        if max(self.grid) <= self.side:
            return attention(q, k, v)
        count = self.grid[0] * self.grid[1]
        heads, patches = zip(*(x.split([self.leading, count], dim=1) for x in (q, k, v)), strict=True)
        found = [attention(heads[0], k, v)]
        # split and not slices: the gradients of parts are then put together, instead of added up in whole maps of zeros
        rows, columns = (list(bands(side, self.side)) for side in self.grid)
        maps = [x.unflatten(1, self.grid).split([share for share, _ in rows], dim=1) for x in patches]
        for (share, height), *band in zip(rows, *maps, strict=True):
            row = []
            blocks = (x.split([share for share, _ in columns], dim=2) for x in band)
            for (extent, width), *parts in zip(columns, *blocks, strict=True):
                queries, keys, values = (cut(x, height, width) for x in parts)
                keys, values = with_leading(heads[1], keys), with_leading(heads[2], values)
                row.append(join(attention(queries, keys, values), share // height, extent // width, height))
            found.append(torch.cat(row, dim=2).flatten(1, 2))
        return torch.cat(found, dim=1)


def bands(length: int, side: int) -> Iterator[tuple[int, int]]:
    """Cuts a length evenly into as few parts of at most ``side`` as possible.

    Yields:
        The sum of the parts of one length, and that length, from the start; there are at most two.
    """
    count = -(-length // side)
    short, longer = divmod(length, count)
    for number, part in ((longer, short + 1), (count - longer, short)):
        if number:
            yield number * part, part


def with_leading(leading: Tensor, windows: Tensor) -> Tensor:
    """Puts the leading tokens of each image in front of its windows."""
    return torch.cat([leading.repeat_interleave(len(windows) // len(leading), dim=0), windows], dim=1)


def cut(maps: Tensor, height: int, width: int) -> Tensor:
    """Cuts B×(m·height)×(n·width)×C into windows (B·m·n)×(height·width)×C, those of an image in a row."""
    windows = maps.unflatten(2, (-1, width)).unflatten(1, (-1, height))  # B m height n width C
    return windows.transpose(2, 3).flatten(3, 4).flatten(0, 2)


def join(windows: Tensor, rows: int, columns: int, height: int) -> Tensor:
    """Undoes :func:`cut` for ``rows``×``columns`` windows: B×(rows·height)×(columns·width)×C."""
    maps = windows.unflatten(1, (height, -1)).unflatten(0, (-1, rows, columns))  # B m n height width C
    return maps.transpose(2, 3).flatten(3, 4).flatten(1, 2)
