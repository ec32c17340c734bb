"""Fused tokens of whole training images, kept so that a frozen encoder runs once for each and not in every epoch."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from ..layers import PATCH_SIZE, Content, tokens_to_map
from ..layers.place import Key
from ..structures import Decomposition, Pair, PairFeatures, Parts

UNEVEN = 0.05  # largest distance of a place from an even one, as a share of the whole image
ENOUGH = 64  # rows and columns of pixels that say where an image lies


class Placement(NamedTuple):
    """Where the middles of an image's patches lie in the whole image."""

    across: Tensor  #: h×w, from 0 to 1 where the whole image has a pixel
    down: Tensor  #: h×w, likewise
    mirrored: bool  #: whether the image is seen from right to left


class Whole(NamedTuple):
    """What is kept of a whole image."""

    tokens: Tensor  #: 1 or 2×(1 + h·w)×C in half precision: fused tokens of the pair, and maybe of its mirror image
    grid: tuple[int, int]  #: h, w in patches
    size: tuple[int, int]  #: height and width in pixels

    def seen_at(self, placement: Placement) -> Tensor:
        """The tokens at h'×w' places: (1 + h'·w')×C.

        What is seen from right to left is read off the mirror image if there is one; what is upside down, off the image
        as it is.
        """
        across, down, mirrored = placement
        mirrored = mirrored and len(self.tokens) > 1
        tokens = self.tokens[int(mirrored)][None].float()
        # the grid's last patches may reach beyond the image
        height, width = (own / (cells * PATCH_SIZE) for own, cells in zip(self.size, self.grid, strict=True))
        at = torch.stack([(1 - across if mirrored else across) * width, down * height], dim=-1)[None] * 2 - 1
        at = at.to(tokens.device)
        seen = grid_sample(tokens_to_map(tokens, self.grid), at, padding_mode='border', align_corners=False)
        return torch.cat([tokens[0, :1], seen[0].flatten(1).mT])


class KeptTokens:
    """The fused tokens of pairs by their paths, for places in them.

    A pipeline says of each training image which part of the whole it is (:class:`~mmdefusion.AppendPlace`). The tokens
    there are read off those of the whole image, bilinearly, instead of encoding the part: what a change of colours or
    scale does to tokens is lost, and a crop's tokens know what lies beyond it.
    """

    def __init__(self) -> None:
        self._numbers: dict[Key, int] = {}
        self._wholes: list[Whole] = []

    def __len__(self) -> int:
        return len(self._wholes)

    @property
    def bytes(self) -> int:
        """Memory that the tokens take."""
        return sum(whole.tokens.nbytes for whole in self._wholes)

    def keep(self, key: Key, whole: Whole) -> None:
        """Keeps the tokens of a pair.

        Raises:
            ValueError: if there are some of its paths already.
        """
        if key in self._numbers:
            raise ValueError(f'Two pairs are {key}: let meta_keys of the packing step name img_path and img_ir_path.')
        self._numbers[key] = len(self._wholes)
        self._wholes.append(whole)

    def number(self, key: Key) -> int:
        """The number of a pair, for :meth:`recall`.

        Raises:
            ValueError: if nothing is kept of it.
        """
        if key not in self._numbers:
            raise ValueError(
                f'No tokens of {key} are kept, but of {len(self)} other pairs: do meta_keys of training and test agree '
                'on img_ir_path?'
            )
        return self._numbers[key]

    def recall(self, pair: Tensor, place: Tensor) -> Decomposition:
        """The fused tokens at places in images.

        Args:
            pair: B×6×H×W, what is seen there.
            place: B×3×H×W: across and down from 0 to 1, and the number of the image plus one, or 0 where a pixel is of
                no image.

        Returns:
            A decomposition that holds no parts: fused tokens B×N×C, the pair, and the sizes of the images.

        Raises:
            ValueError: if the places of an image do not lie evenly in one whole image.
        """
        content = Content.of(pair)
        sizes = content.sizes or len(pair) * [content.image_size]
        grid = tuple(-(-max(sides) // PATCH_SIZE) for sides in zip(*sizes, strict=True))
        # to the host at once: a GPU would be waited for at every number that is read of a place
        places = zip(place.cpu(), sizes, strict=True)
        seen = [self._seen(one[:, :height, :width], grid) for one, (height, width) in places]
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

    def _seen(self, place: Tensor, grid: tuple[int, int]) -> Tensor:
        number = round(place[2].max().item())
        here = (place[2] - number).abs() < 1e-3  # scaling a batch blends them with their padding
        try:
            if not number:
                raise ValueError('No pixel of a training image is left')
            return self._wholes[number - 1].seen_at(fit_places(place[:2], here, grid))
        except ValueError as error:
            path = next((key[0] for key, own in self._numbers.items() if own == number - 1), '')
            raise ValueError(f'{path}: {error}: change the training pipeline, or leave KeptTokensHook out.') from None


def fit_places(place: Tensor, here: Tensor, grid: tuple[int, int]) -> Placement:
    """Where the middles of patches lie, by where an image's pixels do.

    What flips, crops, scales and turns keep is that places change evenly. So they are fitted to thousands of pixels,
    which is finer than the whole numbers from 0 to 255 that pipelines have, and goes on beyond the image.

    Args:
        place: 2×H×W, across and down from 0 to 1.
        here: H×W, true for pixels of the image.
        grid: rows and columns of the patches.

    Raises:
        ValueError: if places do not change evenly, as in a mosaic.
    """
    step = max(1, min(here.shape) // ENOUGH)
    if here[::step, ::step].sum() < ENOUGH**2 / 4:  # much padding: what is left is looked at wholly
        step = 1
    here, place = here[::step, ::step], place[:, ::step, ::step]
    rows, columns = (torch.arange(side, device=place.device, dtype=torch.float64) * step for side in here.shape)
    points = evenly(rows + 0.5, columns + 0.5)[here]
    known = place[:, here].double().mT
    # the inverse is that of whatever the pixels determine, which of a single column is one direction
    slopes = torch.linalg.pinv(points.mT @ points, hermitian=True) @ (points.mT @ known)
    if (worst := (points @ slopes - known).abs().max()) > UNEVEN:
        raise ValueError(f'its pixels do not lie evenly in one whole image (off by {worst:.2f} of its side)')
    down, across = (
        (torch.arange(cells, device=place.device, dtype=torch.float64) + 0.5) * PATCH_SIZE for cells in grid
    )
    found = (evenly(down, across) @ slopes).float()
    return Placement(found[..., 0], found[..., 1], bool(slopes[1, 0] < 0))


def evenly(down: Tensor, across: Tensor) -> Tensor:
    """1, x and y of a grid of points: h×w×3."""
    y, x = torch.meshgrid(down, across, indexing='ij')
    return torch.stack([torch.ones_like(x), x, y], dim=-1)
