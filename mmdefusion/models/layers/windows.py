"""Attention within windows of patches, which may see each other coarsely."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad

from .cells import CellGrid, Cells, even_parts, kept
from .own_grids import crop, extend
from .padding import Size

Attention = Callable[..., Tensor]
SMALL = 2**20  # numbers in a mask that is kept for the next attention, 4 MiB


class Windows(NamedTuple):
    """What each token attends to, where full attention would cost too much: an alternative to a mask.

    A patch attends to the patches of its window and to the leading tokens (class token, registers); the leading tokens
    attend to everything. As few windows of at most ``side``×``side`` patches as cover the grid are laid out evenly, so
    that none is a thin strip: 64 patches in a row are four windows of 13 and one of 12. Each image of a
    batch is cut by its own grid, so that its windows do not depend on the others or on the padding. If one window
    covers the grid, this is full attention.

    Time and memory are proportional to the size of the image. With ``pooling``, a patch attends to the other windows
    too, to the means over the cells of a :class:`CellGrid`. There are as many scores as patches times cells then, which
    grows with the square, and each window has its copy of the cells' keys: small cells cost as much as full attention.
    """

    side: int  #: longest side of a window in patches
    grid: Size  #: h, w of the batch in patches
    own: Sequence[Size] | None = None  #: rows and columns of each image; None if all fill the grid
    leading: int = 1  #: tokens before the patches
    pooling: int | None = None  #: longest side in patches of a cell of other windows; None hides these

    def apply(self, attention: Attention, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Applies an attention within the windows.

        Args:
            attention: function from queries B×N×C, keys and values B×M×C to B×N×C; takes a ``mask`` as :func:`attend`.
            q, k, v: leading tokens, then h·w patches, B×N×C each. If ``own`` has half as many images as the batch, it
                counts for both images of each pair, which are concatenated along the batch.

        Returns:
            B×N×C; zero at patches beyond the image's own grid.
        """
        if self.own is None:
            return self.apply_to_grid(attention, q, k, v)
        own = list(self.own) * (len(q) // len(self.own))
        found, order = [], []
        for grid in dict.fromkeys(own):
            index = [number for number, size in enumerate(own) if size == grid]
            alone = self._replace(grid=grid, own=None)
            cropped = (crop(x[index], self.grid, grid, self.leading) for x in (q, k, v))
            found.append(extend(alone.apply_to_grid(attention, *cropped), self.grid, grid, self.leading))
            order += index
        back = sorted(range(len(order)), key=order.__getitem__)
        return torch.cat(found)[back]

    def apply_to_grid(self, attention: Attention, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """The same where all images fill the grid."""
        if max(self.grid) <= self.side:
            return attention(q, k, v)
        area = self.grid[0] * self.grid[1]
        leading, patches = zip(*(x.split([self.leading, area], dim=1) for x in (q, k, v)), strict=True)
        maps = [x.unflatten(1, self.grid) for x in patches]
        rows, columns = (even_parts(length, self.side) for length in self.grid)
        cells = self._cells(rows, columns)
        before = leading[1:]  # what stands before the keys and values of each window
        if cells is not None:
            before = [join_tokens(*both) for both in zip(before, cells.means(*maps[1:]), strict=True)]
        found = [attention(leading[0], k, v)]
        # split and not slices: the gradients of parts are then put together, instead of added up in whole maps of zeros
        bands = (x.split([len(some) * height for some, height in runs(rows)], dim=1) for x in maps)
        for (some_rows, height), *band in zip(runs(rows), *bands, strict=True):
            row = []
            blocks = (x.split([len(some) * width for some, width in runs(columns)], dim=2) for x in band)
            for (some_columns, width), *block in zip(runs(columns), *blocks, strict=True):
                queries, *inside = (cut(x, height, width) for x in block)
                count = len(some_rows) * len(some_columns)
                keys, values = (join_tokens(repeat(x, count), here) for x, here in zip(before, inside, strict=True))
                mask = None
                if cells is not None:
                    own = self.leading, height * width
                    mask = mask_of(cells, some_rows, some_columns, *own, q.dtype, q.device)
                attended = attention(queries, keys, values, mask=mask)
                row.append(join(attended, len(some_rows), len(some_columns), height))
            found.append(torch.cat(row, dim=2).flatten(1, 2))
        return torch.cat(found, dim=1)

    def _cells(self, rows: Sequence[int], columns: Sequence[int]) -> CellGrid | None:
        """The cells of windows of these lengths."""
        if self.pooling is None:
            return None
        return CellGrid(Cells.of(rows, self.pooling), Cells.of(columns, self.pooling))


def mask_of(
    cells: CellGrid, rows: range, columns: range, leading: int, patches: int, dtype: torch.dtype, device: torch.device
) -> Tensor:
    """What is added to the scores of leading tokens, cells and a window's patches, in this order: windows×keys."""
    make = (
        small_mask if len(rows) * len(columns) * (leading + cells.count + patches) <= SMALL else small_mask.__wrapped__
    )
    return make(cells, rows, columns, leading, patches, dtype, device)


@kept
def small_mask(
    cells: CellGrid, rows: range, columns: range, leading: int, patches: int, dtype: torch.dtype, device: torch.device
) -> Tensor:
    padded = pad(pad(cells.scores(rows, columns), (leading, 0)), (0, patches))
    return padded.to(device, torch.promote_types(dtype, torch.float32))


def runs(parts: Sequence[int]) -> list[tuple[range, int]]:
    """Which neighbouring windows have the same length, and that length."""
    firsts = [number for number, length in enumerate(parts) if number == 0 or length != parts[number - 1]]
    return [(range(first, last), parts[first]) for first, last in zip(firsts, [*firsts[1:], len(parts)], strict=True)]


def join_tokens(one: Tensor, other: Tensor) -> Tensor:
    """Puts tokens of the same images in a row, B×N×C and B×M×C to B×(N + M)×C."""
    return torch.cat([one, other], dim=1)


def repeat(tokens: Tensor, count: int) -> Tensor:
    """The tokens of each image, B×N×C, once for each of its windows: (B·count)×N×C, those of an image in a row."""
    return tokens[:, None].expand(-1, count, -1, -1).flatten(0, 1)


def cut(maps: Tensor, height: int, width: int) -> Tensor:
    """Cuts B×(m·height)×(n·width)×C into windows (B·m·n)×(height·width)×C, those of an image in a row."""
    windows = maps.unflatten(2, (-1, width)).unflatten(1, (-1, height))  # B m height n width C
    return windows.transpose(2, 3).flatten(3, 4).flatten(0, 2)


def join(windows: Tensor, rows: int, columns: int, height: int) -> Tensor:
    """Undoes :func:`cut` for ``rows``×``columns`` windows: B×(rows·height)×(columns·width)×C."""
    maps = windows.unflatten(1, (height, -1)).unflatten(0, (-1, rows, columns))  # B m n height width C
    return maps.transpose(2, 3).flatten(3, 4).flatten(1, 2)


def check_windows(window: int | None, global_blocks: int, pooling: int | None, depth: int) -> None:
    """Raises a ValueError if the options of an encoder's windows make no sense.

    Args:
        window: longest side of windows in patches, or None for full attention.
        global_blocks: number of blocks that attend to the whole image nevertheless.
        pooling: longest side in patches of the cells of other windows, or None.
        depth: number of blocks of the encoder.
    """
    if window is not None and window < 1:
        raise ValueError(f'window={window} must be at least 1 patch, or None for full attention.')
    if window is not None and not 0 <= global_blocks <= depth:
        raise ValueError(f'global_blocks={global_blocks} is out of range: this encoder takes 0 to {depth}.')
    if pooling is None:
        return
    if type(pooling) is not int or pooling < 1:
        raise ValueError(f'pooling={pooling} must be a whole number of patches, at least 1, or None.')
    if window is None:
        raise ValueError(f'pooling={pooling} is for networks with windows: set window too.')
