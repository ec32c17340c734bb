"""Views for a student, whose teacher sees the whole, clean image."""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from mmdefusion.registry import MODELS

from ..layers import PATCH_SIZE
from .views import brightness, contrast, saturation


class StudentView(NamedTuple):
    """A batch of views, with the teacher's patch tokens at the places that they show."""

    images: Tensor  #: B×3×h×w, RGB in [0, 1]
    targets: Tensor  #: B×T×(h/p)×(w/p), the teacher's tokens for each p×p pixels


@MODELS.register_module()
class StudentViews(nn.Module):
    """Samples a crop of each image along patch borders, at random mirrored, with other colours or none.

    So the teacher's tokens of one image serve for many views, and no token has to be interpolated. Infrared images have
    no colour and other contrast; with such views the student learns to recognise the same scene in them.

    Args:
        sides: smallest and largest side of the square crop, in patches; sampled once per batch.
        flip: probability that a batch is mirrored.
        jitter: range of the factors of brightness and contrast; that of saturation is from 0 to the upper end.
        grey: probability that an image loses all colour.

    Raises:
        ValueError: if ``sides`` is no range of patches.
    """

    def __init__(
        self,
        sides: tuple[int, int] = (8, 14),
        flip: float = 0.5,
        jitter: tuple[float, float] = (0.5, 1.2),
        grey: float = 0.2,
    ) -> None:
        super().__init__()
        if not 1 <= sides[0] <= sides[1]:
            raise ValueError(f'sides={sides} must be (least, greatest) in patches, 1 or more.')
        self.sides = sides
        self.flip = flip
        self.jitter = jitter
        self.grey = grey

    def forward(self, images: Tensor, tokens: Tensor) -> StudentView:
        """Samples views.

        Args:
            images: B×3×H×W, RGB in [0, 1], whose sides are multiples of 16.
            tokens: tokens of the teacher without the class token, B×(H/p·W/p)×T, where p is 16 or divides it.
        """
        grid = images.shape[-2] // PATCH_SIZE, images.shape[-1] // PATCH_SIZE
        finer = math.isqrt(tokens.shape[1] // math.prod(grid))
        targets = tokens.mT.unflatten(2, [finer * length for length in grid])
        side = min(int(torch.randint(self.sides[0], self.sides[1] + 1, ())), *grid)
        corner = [int(torch.randint(length - side + 1, ())) for length in grid]
        images, targets = (
            maps[(..., *(slice(start * cell, (start + side) * cell) for start in corner))]
            for maps, cell in ((images, PATCH_SIZE), (targets, finer))
        )
        images = self._recolour(images)
        return StudentView(*((images.flip(-1), targets.flip(-1)) if torch.rand(()) < self.flip else (images, targets)))

    def _recolour(self, images: Tensor) -> Tensor:
        low, high = self.jitter
        factors = torch.rand(3, len(images), 1, 1, 1, device=images.device)
        colour = high * factors[2] * (torch.rand_like(factors[2]) >= self.grey)
        images = brightness(images, low + (high - low) * factors[0])
        images = contrast(images, low + (high - low) * factors[1])
        return saturation(images, colour)
