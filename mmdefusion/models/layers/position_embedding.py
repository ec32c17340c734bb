"""Position embeddings for any grid: fixed (2-D sin-cos), or learned ones of a public ViT."""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad

GRID = 14  # patches per side of the 224-pixel images that the embedding is made for
KEPT_GRIDS = 64  # cached grids: more than a multi-scale schedule uses, few enough to bound the memory


def sincos_position_embedding(embed_dims: int, grid: int = GRID) -> Tensor:
    """The sin-cos embedding of a square grid, computed in float64 and rounded to float32.

    The first half of the channels encodes the column, the second half the row; each half is
    sines, then cosines, of position · 10000^(-k / (C/4)).

    Args:
        embed_dims: c, a multiple of 4.
        grid: side of the grid.

    Returns:
        (1 + grid²)×C; the first row is that of the class token and zero.
    """
    if embed_dims % 4:
        raise ValueError(f'embed_dims={embed_dims} has no 2-D sin-cos embedding: choose a multiple of 4.')
    quarter = embed_dims // 4
    frequency = 10000 ** (-torch.arange(quarter, dtype=torch.float64) / quarter)
    phase = torch.arange(grid, dtype=torch.float64)[:, None] * frequency
    axis = torch.cat([phase.sin(), phase.cos()], dim=1)
    column = axis[None, :, :].expand(grid, grid, -1)
    row = axis[:, None, :].expand(grid, grid, -1)
    patches = torch.cat([column, row], dim=-1).flatten(0, 1)
    return torch.cat([patches.new_zeros(1, embed_dims), patches]).float()


class PositionEmbedding(nn.Module):
    """A position embedding that is resized (bicubic) to any grid and cached per grid.

    It is not a parameter: a checkpoint trained at one size loads at any other. Learned positions (:meth:`take`) are not
    trained further, but stored with the model, so that its checkpoints are complete.

    Args:
        embed_dims: width C.
    """

    def __init__(self, embed_dims: int) -> None:
        super().__init__()
        self.register_buffer('base', sincos_position_embedding(embed_dims), persistent=False)
        self.antialias = False
        self._resized: dict[tuple, Tensor] = {}

    @property
    def learned(self) -> bool:
        """Whether the positions are a table that is stored with the model."""
        return 'base' not in self._non_persistent_buffers_set

    def take(self, table: Tensor, antialias: bool = False) -> None:
        """Replaces the fixed positions by learned ones.

        Args:
            table: positions of a square grid, (1 + g·g)×C, class token first.
            antialias: whether resizing to smaller grids uses a filter, as in the training of ViTs with register tokens.
        """
        del self.base
        self.register_buffer('base', table)
        self.antialias = antialias
        self._resized.clear()

    def forward(self, grid: tuple[int, int]) -> Tensor:
        """The embedding of h×w patches: (1 + h·w)×C, class token first."""
        if torch.compiler.is_compiling():  # a trace stores the result itself
            return self._resize(grid)
        key = (grid, self.base.device, self.base.dtype)
        embedding = self._resized.get(key)
        if embedding is None:
            if len(self._resized) >= KEPT_GRIDS:
                self._resized.clear()
            # another thread may clear what is kept between these lines
            self._resized[key] = embedding = self._resize(grid)
        return embedding

    def within(self, grid: tuple[int, int], larger: tuple[int, int]) -> Tensor:
        """The embedding of h×w patches at the top left of a larger grid, with 0 around it: (1 + larger h·w)×C."""
        embedding = self(grid)
        patches = pad(embedding[1:].unflatten(0, grid), (0, 0, 0, larger[1] - grid[1], 0, larger[0] - grid[0]))
        return torch.cat([embedding[:1], patches.flatten(0, 1)])

    def _resize(self, grid: tuple[int, int]) -> Tensor:
        side = math.isqrt(len(self.base) - 1)
        if tuple(grid) == (side, side):
            return self.base
        patches = self.base[1:].unflatten(0, (side, side)).permute(2, 0, 1)[None]
        patches = interpolate(patches, size=grid, mode='bicubic', align_corners=False, antialias=self.antialias)
        return torch.cat([self.base[:1], patches[0].flatten(1).T])

    def _apply(self, fn, recurse: bool = True):
        self._resized.clear()  # .to(), .half(), .cuda(): the cached ones have the old dtype or device
        return super()._apply(fn, recurse)

    def _load_from_state_dict(self, *args, **kwargs) -> None:
        super()._load_from_state_dict(*args, **kwargs)
        self._resized.clear()
