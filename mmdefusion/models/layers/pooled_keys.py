"""Attention to the whole image at a fraction of its cost: keys and values are means over neighbouring patches."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from .own_grids import Attention, apply_by_grid
from .padding import Size


class PooledKeys(NamedTuple):
    """What each token attends to in the global blocks of a network with windows, where full attention costs too much.

    Every token attends to the leading tokens (class token, registers) and to the means over ``pool``×``pool`` patches
    of keys and values (the spatial reduction of PVT v2, Wang et al., arXiv 2106.13797, there before the projections,
    which are linear). Grids of at most ``side`` patches are not pooled, as they are not cut into windows either. Each
    image of a batch is pooled by its own grid.
    """

    pool: int  #: side of what is averaged, in patches
    side: int  #: longest side of a grid that is left as it is, in patches
    grid: Size  #: h, w of the batch in patches
    own: Sequence[Size] | None = None  #: rows and columns of each image; None if all fill the grid
    leading: int = 1  #: tokens before the patches

    def apply(self, attention: Attention, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Applies an attention to the pooled keys and values; arguments as in :func:`apply_by_grid`."""
        return apply_by_grid(self, attention, q, k, v)

    def apply_to_grid(self, attention: Attention, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """The same where all images fill the grid."""
        if max(self.grid) <= self.side:
            return attention(q, k, v)
        return attention(q, self._pool(k), self._pool(v))

    def _pool(self, tokens: Tensor) -> Tensor:
        """B×N×C to fewer tokens; at the right and the bottom, means are of the patches that are there."""
        maps = tokens[:, self.leading :].transpose(1, 2).unflatten(2, self.grid)
        # nothing is padded, so this changes nothing here; in exported files, older runtimes count what lies outside
        pooled = avg_pool2d(maps, self.pool, ceil_mode=True, count_include_pad=False)
        return torch.cat([tokens[:, : self.leading], pooled.flatten(2).transpose(1, 2)], dim=1)
