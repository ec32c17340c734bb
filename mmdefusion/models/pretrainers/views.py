"""Samples two masked, noised views of each image, with the targets to recover from them.

The recipe of common and unique decomposition (CUD, arXiv 2410.12274): every pixel is seen in at least one view; what
both views show is common, what only one shows is unique to it.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Generator, Tensor, nn

from mmdefusion.registry import MODELS

from ..layers import luma
from ..structures import Pair

FULL_SIZE = 224  # side that the grids below divide; at other sizes their cells keep their size in pixels
COARSE = 13
FINE = (26, 27)


class Views(NamedTuple):
    """Views and their clean image, RGB in [0, 1]; fusion and masked feature modelling have to recover the image."""

    image: Tensor  #: B×3×H×W, jittered
    views: Pair  #: B×3×H×W each: the image where it is seen, noise elsewhere
    seen: Pair  #: B×1×H×W masks, 1 where a view shows the image

    @classmethod
    def joined(cls, parts: Sequence['Views']) -> 'Views':
        """Joins the views of several batches into one batch."""
        images, views, seen = zip(*parts, strict=True)
        return cls(torch.cat(images), *(Pair(*map(torch.cat, zip(*pairs, strict=True))) for pairs in (views, seen)))

    @property
    def common(self) -> Tensor:
        """The image where both views show it, 0 elsewhere."""
        return self.image * self.seen.a * self.seen.b

    @property
    def unique(self) -> Pair:
        """For each view, the image where only this view shows it, 0 elsewhere."""
        return Pair(
            a=self.image * self.seen.a * (1 - self.seen.b),
            b=self.image * self.seen.b * (1 - self.seen.a),
        )


@MODELS.register_module()
class MaskedViews(nn.Module):
    """Samples views of a whole batch on its device.

    Args:
        jitter: range of the factors of brightness, contrast and saturation.
        coverage: range of the probability p that a cell is seen, sampled for each image; in the product of two grids a
            cell is seen with probability p².
        whole: share of the images that both views show completely, as images to fuse do; 0 in the paper.

    Raises:
        ValueError: if ``whole`` is no share, or ``jitter`` or ``coverage`` no range.
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

    @torch.compiler.disable  # few operations, whose random shapes would only force recompilation
    def forward(self, images: Tensor, generator: Generator | None = None, jitter: bool = True) -> Views:
        """Samples views.

        Args:
            images: B×3×H×W, RGB in [0, 1].
            generator: random number generator on the device of the images; None takes torch's default.
            jitter: whether to jitter colours; set it to False to compare results.
        """
        sampler = _Sampler(images, generator)
        image = self._jitter_colour(images, sampler) if jitter else images
        seen = self._sample_masks(images.shape[-2:], sampler)
        views = Pair(*(image * mask + sampler.normal(images.shape).abs().clip(0, 1) * (1 - mask) for mask in seen))
        return Views(image, views, seen)

    def _jitter_colour(self, images: Tensor, sampler: '_Sampler') -> Tensor:
        """Jitters brightness, contrast and saturation by factors per image, in an order that is sampled per batch."""
        for step in sampler.order(3):
            factor = sampler.uniform((len(images), 1, 1, 1), *self.jitter)
            images = (brightness, contrast, saturation)[step](images, factor)
        return images

    def _sample_masks(self, size: tuple[int, int], sampler: '_Sampler') -> Pair:
        batch = sampler.batch
        p = sampler.uniform((batch, 1, 1), *self.coverage)
        p = torch.where(sampler.uniform(p.shape) < self.whole, 1.0, p)
        n2, n3 = (FINE[0] + sampler.bits((batch,)) for _ in range(2))
        coarse = torch.full_like(n2, COARSE)
        one, other = (sampler.cells(p, coarse, size) * sampler.cells(p, n2, size) for _ in range(2))
        # what neither view would show is given to one of them, cell by cell
        scale = torch.stack([coarse, n2, n3]).gather(0, sampler.integers(3, (1, batch)))[0]
        hole = (one == 0) & (other == 0)
        filler = sampler.cells(p, scale, size)
        one, other = one + hole * filler, other + hole * (1 - filler)
        swap = sampler.bits((batch, 1, 1)).bool()
        one, other = torch.where(swap, other, one), torch.where(swap, one, other)
        return Pair(one[:, None], other[:, None])


def brightness(images: Tensor, factor: Tensor) -> Tensor:
    return (images * factor).clip(0, 1)


def contrast(images: Tensor, factor: Tensor) -> Tensor:
    """Scales the contrast of images B×3×H×W around their mean grey by factors B×1×1×1."""
    return torch.lerp(luma(images).mean((-2, -1), keepdim=True).expand_as(images), images, factor).clip(0, 1)


def saturation(images: Tensor, factor: Tensor) -> Tensor:
    """Scales the saturation of images B×3×H×W by factors B×1×1×1."""
    return torch.lerp(luma(images).expand_as(images), images, factor).clip(0, 1)


class _Sampler:
    """Random numbers on the device and in the dtype of a batch."""

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
        """Samples a mask B×H×W of square cells, 1 with probability p (B×1×1), ``count`` (B) of them per 224 pixels."""
        rows, columns = (torch.arange(side, device=count.device)[None] * count[:, None] // FULL_SIZE for side in size)
        grid = [(side - 1) * max(FINE) // FULL_SIZE + 1 for side in size]  # as many as the finest grid needs
        drawn = (self.uniform((self.batch, *grid)) < p).to(p.dtype)
        sample = torch.arange(self.batch, device=count.device)[:, None, None]
        return drawn[sample, rows[:, :, None], columns[:, None, :]]
