"""Two masked, noised views of each image, and what there is to recover from them.

The recipe of common and unique decomposition (CUD, arXiv 2410.12274): every pixel is seen in at least one view; what
both show is common, what only one shows is unique to it.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Generator, Tensor, nn

from mmdefusion.registry import MODELS

from ..layers import luma
from ..structures import Pair

FULL_SIZE = 224  # the grids below divide an image of this side; their cells keep their size in pixels at any other
COARSE = 13
FINE = (26, 27)


class Views(NamedTuple):
    """All RGB in [0, 1]; the clean image is what fusion and masked feature modelling have to give back."""

    image: Tensor  #: B×3×H×W, jittered
    views: Pair  #: B×3×H×W each: the image where it is seen, noise elsewhere
    seen: Pair  #: B×1×H×W masks, 1 where a view shows the image

    @classmethod
    def joined(cls, parts: Sequence['Views']) -> 'Views':
        """Joins the views of several batches to one batch."""
        images, views, seen = zip(*parts, strict=True)
        return cls(torch.cat(images), *(Pair(*map(torch.cat, zip(*pairs, strict=True))) for pairs in (views, seen)))

    @property
    def common(self) -> Tensor:
        """The image where both views show it, 0 elsewhere."""
        return self.image * self.seen.a * self.seen.b

    @property
    def unique(self) -> Pair:
        """The image where only this view shows it, 0 elsewhere."""
        return Pair(
            a=self.image * self.seen.a * (1 - self.seen.b),
            b=self.image * self.seen.b * (1 - self.seen.a),
        )


@MODELS.register_module()
class MaskedViews(nn.Module):
    """Draws views of a whole batch on the device that holds it.

    Args:
        jitter: factors of brightness, contrast and saturation are uniform between these two.
        coverage: probability p that a cell is seen, uniform between these two for each image; the product of two
            grids is seen with p².
        whole: share of the images of which both views show everything, as the images that people fuse do; none in the
            paper.
    """

    def __init__(
        self,
        jitter: tuple[float, float] = (0.1, 1.0),
        coverage: tuple[float, float] = (0.1, 0.1 + 1 / 1.12),
        whole: float = 0.0,
    ) -> None:
        super().__init__()
        if not 0 <= whole <= 1:
            raise ValueError(f'whole={whole} must be a share of the images, from 0 to 1.')
        if not 0 <= jitter[0] <= jitter[1]:
            raise ValueError(f'jitter={jitter} must be (low, high) with 0 <= low <= high.')
        if not 0 <= coverage[0] <= coverage[1] <= 1:
            raise ValueError(f'coverage={coverage} must be (low, high) probabilities with low <= high.')
        self.jitter = jitter
        self.coverage = coverage
        self.whole = whole

    @torch.compiler.disable  # a handful of random draws, in a graph of whose size only the images should decide
    def forward(self, images: Tensor, generator: Generator | None = None, jitter: bool = True) -> Views:
        """Draw views.

        Args:
            images: B×3×H×W, RGB in [0, 1].
            generator: of the images' device; torch's own where there is none.
            jitter: whether colours are jittered; not where results are compared.
        """
        draw = _Draw(images, generator)
        image = self._jitter_colour(images, draw) if jitter else images
        seen = self._draw_masks(images.shape[-2:], draw)
        views = Pair(*(image * mask + draw.normal(images.shape).abs().clip(0, 1) * (1 - mask) for mask in seen))
        return Views(image, views, seen)

    def _jitter_colour(self, images: Tensor, draw: '_Draw') -> Tensor:
        """Brightness, contrast and saturation, factors per image, in an order drawn per batch."""
        for step in draw.order(3):
            factor = draw.uniform((len(images), 1, 1, 1), *self.jitter)
            images = (brightness, contrast, saturation)[step](images, factor)
        return images

    def _draw_masks(self, size: tuple[int, int], draw: '_Draw') -> Pair:
        batch = draw.batch
        p = draw.uniform((batch, 1, 1), *self.coverage)
        p = torch.where(draw.uniform(p.shape) < self.whole, 1.0, p)
        n2, n3 = (FINE[0] + draw.bits((batch,)) for _ in range(2))
        coarse = torch.full_like(n2, COARSE)
        one, other = (draw.cells(p, coarse, size) * draw.cells(p, n2, size) for _ in range(2))
        # what neither view would show goes to one of them, cell by cell
        scale = torch.stack([coarse, n2, n3]).gather(0, draw.integers(3, (1, batch)))[0]
        hole = (one == 0) & (other == 0)
        filler = draw.cells(p, scale, size)
        one, other = one + hole * filler, other + hole * (1 - filler)
        swap = draw.bits((batch, 1, 1)).bool()
        one, other = torch.where(swap, other, one), torch.where(swap, one, other)
        return Pair(one[:, None], other[:, None])


def brightness(images: Tensor, factor: Tensor) -> Tensor:
    return (images * factor).clip(0, 1)


def contrast(images: Tensor, factor: Tensor) -> Tensor:
    """Towards the mean grey of each image."""
    return torch.lerp(luma(images).mean((-2, -1), keepdim=True).expand_as(images), images, factor).clip(0, 1)


def saturation(images: Tensor, factor: Tensor) -> Tensor:
    """Towards the grey of each pixel."""
    return torch.lerp(luma(images).expand_as(images), images, factor).clip(0, 1)


class _Draw:
    """Random numbers on the device and in the precision of a batch."""

    def __init__(self, images: Tensor, generator: Generator | None) -> None:
        self.batch = len(images)
        self.kind = {'device': images.device, 'dtype': images.dtype}
        self.generator = generator

    def uniform(self, shape: tuple[int, ...], low: float = 0.0, high: float = 1.0) -> Tensor:
        return low + (high - low) * torch.rand(shape, generator=self.generator, **self.kind)

    def normal(self, shape: tuple[int, ...]) -> Tensor:
        return torch.randn(shape, generator=self.generator, **self.kind)

    def integers(self, high: int, shape: tuple[int, ...]) -> Tensor:
        return torch.randint(high, shape, generator=self.generator, device=self.kind['device'])

    def bits(self, shape: tuple[int, ...]) -> Tensor:
        return self.integers(2, shape)

    def order(self, count: int) -> list[int]:
        return torch.randperm(count, generator=self.generator, device=self.kind['device']).tolist()

    def cells(self, p: Tensor, count: Tensor, size: tuple[int, int]) -> Tensor:
        """B×H×W mask of square cells, each 1 with probability p (B×1×1), ``count`` (B) of them to 224 pixels."""
        rows, columns = (torch.arange(side, device=count.device)[None] * count[:, None] // FULL_SIZE for side in size)
        grid = [(side - 1) * max(FINE) // FULL_SIZE + 1 for side in size]  # as many as the finest grid needs
        drawn = (self.uniform((self.batch, *grid)) < p).to(p.dtype)
        sample = torch.arange(self.batch, device=count.device)[:, None, None]
        return drawn[sample, rows[:, :, None], columns[:, None, :]]
