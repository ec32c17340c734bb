"""A grid of patches seen coarsely: means over cells of patches, each of which counts as often as it has patches."""

from collections.abc import Callable, Sequence
from functools import lru_cache, wraps
from typing import NamedTuple

import torch
from torch import Tensor

KEPT = 32  # tensors of each kind: a forward pass needs up to four, for each size of images

Make = Callable[..., Tensor]


def kept(make: Make) -> Make:
    """Keeps the tensors that a function made last of the same numbers: on a GPU, copying them waits for all before."""
    made = lru_cache(KEPT)(make)

    @wraps(make)
    def get(*args: object) -> Tensor:
        faked = type(torch.empty(0)) is not Tensor  # by FakeTensorMode, whose tensors fit no others
        if faked or torch.compiler.is_compiling() or torch.jit.is_tracing():  # a recorded graph has symbols
            return make(*args)
        with torch.inference_mode(False):  # what is made in it could not be trained with
            return made(*args)

    get.cache_clear, get.cache_info = made.cache_clear, made.cache_info
    return get


class Cells(NamedTuple):
    """Rows or columns of cells along one side of a grid; no cell lies in two windows."""

    lengths: Sequence[int]  #: rows or columns of patches in each
    windows: Sequence[int]  #: number of the window that each lies in

    @classmethod
    def of(cls, lengths: Sequence[int], pooling: int) -> 'Cells':
        """Cuts windows of some lengths into as few cells of at most ``pooling`` patches as cover them."""
        parts = [(length, number) for number, whole in enumerate(lengths) for length in even_parts(whole, pooling)]
        return cls(*zip(*parts, strict=True))

    def sums(self, like: Tensor) -> Tensor:
        """The matrix cells×patches that adds up the patches of each cell."""
        return sums_of(self.lengths, like.dtype, like.device)

    def within(self, numbers: range) -> Tensor:
        """Which cells lie in the windows of these numbers, windows×cells."""
        return torch.tensor(numbers)[:, None] == torch.tensor(self.windows)


class CellGrid(NamedTuple):
    """The cells of a grid of patches.

    Patches attend to the mean key and value of a cell of n patches as if it were n patches that have them: log n is
    added to the score, as in ToMe (Bolya et al., arXiv 2210.09461, section 3.2). Coarse keys around fine ones are those
    of Focal Transformers (Yang et al., arXiv 2107.00641). With cells of one patch this is full attention.
    """

    rows: Cells
    columns: Cells

    @property
    def count(self) -> int:
        """How many cells there are."""
        return len(self.rows.lengths) * len(self.columns.lengths)

    def means(self, *maps: Tensor) -> list[Tensor]:
        """For each B×h×w×C, one token for each cell, B×cells×C, row by row."""
        # sums are divided afterwards, as 1/n would be rounded in bfloat16, and every mean with it
        rows, columns = self.rows.sums(maps[0]), self.columns.sums(maps[0])
        counts = counts_of(self.rows.lengths, self.columns.lengths, maps[0].dtype, maps[0].device)[:, None]
        return [(columns @ (rows @ x.flatten(2)).unflatten(2, x.shape[2:])).flatten(1, 2) / counts for x in maps]

    def scores(self, rows: range, columns: range) -> Tensor:
        """What is added to the scores of the cells for the windows of these rows and columns, windows×cells (doubles).

        The cells of a window itself are hidden, as its patches are seen.
        """
        own_rows, own_columns = self.rows.within(rows), self.columns.within(columns)
        own = own_rows[:, None, :, None] & own_columns[:, None]  # row and column of windows, row and column of cells
        own = own.flatten(2).flatten(0, 1)
        counts = counts_of(self.rows.lengths, self.columns.lengths, torch.double, own.device)
        return counts.log().expand_as(own).masked_fill(own, -torch.inf)


@kept
def sums_of(lengths: Sequence[int], dtype: torch.dtype, device: torch.device) -> Tensor:
    """See :meth:`Cells.sums`."""
    cells = [cell for cell, length in enumerate(lengths) for _ in range(length)]
    rows = [[float(cell == here) for here in cells] for cell in range(len(lengths))]
    return torch.tensor(rows, dtype=dtype, device=device)


@kept
def counts_of(rows: Sequence[int], columns: Sequence[int], dtype: torch.dtype, device: torch.device) -> Tensor:
    """How many patches each cell has."""
    return torch.tensor([row * column for row in rows for column in columns], dtype=dtype, device=device)


def even_parts(length: int, most: int) -> list[int]:
    """Cuts a length evenly into as few parts of at most ``most`` as possible, the longer ones first."""
    count = -(-length // most)
    short, longer = divmod(length, count)
    return [short + 1] * longer + [short] * (count - longer)
