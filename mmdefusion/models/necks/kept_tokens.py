"""Fused tokens of whole training images, kept so that a frozen encoder runs once for each and not in every epoch."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from ..layers import PATCH_SIZE, Content, tokens_to_map
from ..structures import Decomposition, Pair, PairFeatures, Parts

UNEVEN = 0.05  # largest distance of a place from an even one, as a share of the whole image


class Whole(NamedTuple):
    """What is kept of a whole image."""

    tokens: Tensor  #: 2×(1 + h·w)×C in half precision: fused tokens of the pair, and of its mirror image
    grid: tuple[int, int]  #: h, w in patches
    size: tuple[int, int]  #: height and width in pixels

    def seen_at(self, places: Tensor) -> Tensor:
        """The tokens at places 2×h'×w', across and down from 0 to 1: (1 + h'·w')×C.

        What is seen from right to left is read off the mirror image.
        """
        across, down = places
        mirrored = bool(across[0, 0] > across[0, -1])
        tokens = self.tokens[int(mirrored)][None].float()
        # the grid's last patches may reach beyond the image
        height, width = (own / (cells * PATCH_SIZE) for own, cells in zip(self.size, self.grid, strict=True))
        at = torch.stack([(1 - across if mirrored else across) * width, down * height], dim=-1)[None] * 2 - 1
        seen = grid_sample(tokens_to_map(tokens, self.grid), at, padding_mode='border', align_corners=False)
        return torch.cat([tokens[0, :1], seen[0].flatten(1).mT])


class KeptTokens:
    """The fused tokens of images by their paths, for places in them.

    A pipeline says of each training image which part of the whole it is (:class:`~mmdefusion.AppendPlace`). The tokens
    there are read off those of the whole image, bilinearly, instead of encoding the part: what a change of colours or
    scale does to tokens is lost, and a crop's tokens know what lies beyond it.
    """

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._wholes: list[Whole] = []

    def __len__(self) -> int:
        return len(self._wholes)

    @property
    def bytes(self) -> int:
        """Memory that the tokens take."""
        return sum(whole.tokens.nbytes for whole in self._wholes)

    def keep(self, path: str, whole: Whole) -> None:
        """Keeps the tokens of the image at a path."""
        self._numbers[path] = len(self._wholes)
        self._wholes.append(whole)

    def number(self, path: str) -> int:
        """The number of an image, for :meth:`recall`.

        Raises:
            ValueError: if nothing is kept of it.
        """
        if path not in self._numbers:
            raise ValueError(f'No tokens of {path} are kept: KeptTokensHook kept those of {len(self)} other images.')
        return self._numbers[path]

    def recall(self, pair: Tensor, place: Tensor, numbers: Sequence[int]) -> Decomposition:
        """The fused tokens at places in images.

        Args:
            pair: B×6×H×W, what is seen there.
            place: B×2×H×W, across and down from 0 to 1.
            numbers: of the images.

        Returns:
            A decomposition that holds no parts: fused tokens B×N×C, the pair, and the sizes of the images.
        """
        content = Content.of(pair)
        sizes = content.sizes or len(pair) * [content.image_size]
        grid = tuple(-(-max(sides) // PATCH_SIZE) for sides in zip(*sizes, strict=True))
        images = zip(numbers, place, sizes, strict=True)
        seen = [
            self._wholes[number].seen_at(places_of_patches(one[:, :height, :width], grid))
            for number, one, (height, width) in images
        ]
        fused, nothing = torch.stack(seen), pair.new_empty(0)
        features = PairFeatures(
            deep=Pair(nothing, nothing),
            skip=Pair(nothing, nothing),
            layers=(),
            grid=grid,
            content=content,
            mask=content.token_mask(grid, pair.device),
            pair=pair,
        )
        parts = Parts(nothing, nothing, nothing)
        return Decomposition(parts, parts, nothing, fused, features)


def places_of_patches(place: Tensor, grid: tuple[int, int]) -> Tensor:
    """Where the middles of patches lie, by where an image's pixels do, 2×H×W: 2×h×w for a grid of h×w.

    What flips, crops and scales keep is that places change evenly across and down. So they are fitted to all pixels,
    which is finer than the whole numbers from 0 to 255 that pipelines have, and goes on beyond the image.

    Raises:
        ValueError: if they do not change evenly, as in a mosaic.
    """
    (height, width), (rows, columns) = place.shape[1:], grid
    down, across = (torch.arange(side, device=place.device) - (side - 1) / 2 for side in (height, width))
    slopes = [
        (place * along).sum((1, 2)) / along.square().expand(height, width).sum().clamp(min=1e-9)
        for along in (across, down[:, None])
    ]
    middle = place.mean((1, 2))

    def at(x: Tensor, y: Tensor) -> Tensor:
        return middle[:, None, None] + slopes[0][:, None, None] * x + slopes[1][:, None, None] * y[:, None]

    if (worst := (at(across, down) - place).abs().max()) > UNEVEN:
        raise ValueError(
            f'The pixels of a training image do not lie evenly in the whole one (off by {worst:.2f} of its side): '
            'KeptTokensHook does not go with mosaics and mixes of images.'
        )
    x, y = (
        (torch.arange(cells, device=place.device) + 0.5) * PATCH_SIZE - side / 2
        for cells, side in ((columns, width), (rows, height))
    )
    return at(x, y)
