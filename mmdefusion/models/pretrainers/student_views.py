"""Views for a student, whose teacher sees the whole, clean image."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from mmdefusion.registry import MODELS

from ..layers import PATCH_SIZE
from .views import brightness, contrast, saturation


class StudentView(NamedTuple):
    """A batch of views, with the teacher's patch tokens at the places that they show."""

    images: Tensor  #: B×3×h×w, RGB in [0, 1]
    targets: Tensor  #: B×(h/16·w/16)×T


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
            tokens: tokens of the teacher without the class token, B×(H/16·W/16)×T.
        """
        grid = images.shape[-2] // PATCH_SIZE, images.shape[-1] // PATCH_SIZE
        targets = tokens.unflatten(1, grid)  # B h w T
        side = min(int(torch.randint(self.sides[0], self.sides[1] + 1, ())), *grid)
        top, left = (int(torch.randint(length - side + 1, ())) for length in grid)
        targets = targets[:, top : top + side, left : left + side]
        rows, columns = (slice(start * PATCH_SIZE, (start + side) * PATCH_SIZE) for start in (top, left))
        images = self._recolour(images[..., rows, columns])
        if torch.rand(()) < self.flip:
            images, targets = images.flip(-1), targets.flip(2)
        return StudentView(images, targets.flatten(1, 2))

    def _recolour(self, images: Tensor) -> Tensor:
        low, high = self.jitter
        factors = torch.rand(3, len(images), 1, 1, 1, device=images.device)
        colour = high * factors[2] * (torch.rand_like(factors[2]) >= self.grey)
        images = brightness(images, low + (high - low) * factors[0])
        images = contrast(images, low + (high - low) * factors[1])
        return saturation(images, colour)
