"""Fine texture, which the network's code for a patch has no room for, put back."""

import math

import torch
from torch import Tensor
from torch.nn.functional import pad

from mmdefusion.registry import MODELS

from ..structures import Pair

NOTHING = 1e-8  # energy of an image without any


@MODELS.register_module()
class ResidualDetail:
    """Adds to the fused picture what the network leaves out of each source.

    192 numbers for a patch of 16×16 pixels hold its brightness and coarse forms; that much is taken from the network,
    down to forms of ``2 ** levels`` pixels. What is finer is the sources' own, in the bands of a Laplacian pyramid.
    In each band and place the source that is more active gives its detail, and as far as the two disagree, it is
    strengthened and the other's is added to it. What the network leaves out of the coarse forms (a source less its
    fusion with itself) is shared by energy. Where both sources are the same they agree, and weights sum to 1: fusing a
    picture with itself gives it back exactly.

    The numbers were chosen on training pairs of RoadScene and FLIR (docs/fusion.md).

    Args:
        levels: of the pyramid; fewer in pictures too small for them.
        boost: how much the stronger detail grows where the sources disagree.
        weaker: share of the weaker detail that is added there.
    """

    def __init__(self, levels: int = 5, boost: float = 0.2, weaker: float = 0.5) -> None:
        self.levels = levels
        self.boost = boost
        self.weaker = weaker

    def __call__(self, fused: Tensor, sources: Pair, reconstructed: Pair) -> Tensor:
        """The fused picture with detail; all C×H×W."""
        levels = min(self.levels, max(0, int(math.log2(min(fused.shape[-2:]))) - 2))
        fine = Pair(*(build_pyramid(image, levels) for image in sources))
        coarse = Pair(*(image.pop() for image in fine))
        drawn = [build_pyramid(image, levels).pop() for image in (fused, *reconstructed)]
        picture = share_by_energy(drawn[0], coarse.a - drawn[1], coarse.b - drawn[2])
        for one, other in zip(reversed(fine.a), reversed(fine.b), strict=True):
            picture = expand(picture, one.shape[-2:]) + self.join(one, other)
        return picture

    def join(self, one: Tensor, other: Tensor) -> Tensor:
        """One band of detail from those of both sources."""
        first = blur(one.abs().sum(0, keepdim=True)) > blur(other.abs().sum(0, keepdim=True))
        stronger, weaker = torch.where(first, one, other), torch.where(first, other, one)
        disagreement = 1 - correlation(one, other).clip(min=0)
        return stronger * (1 + self.boost * disagreement) + weaker * self.weaker * disagreement


def share_by_energy(picture: Tensor, one: Tensor, other: Tensor) -> Tensor:
    """``picture`` plus both residuals, weighted with their energy."""
    first, second = (blur(image.square().mean(0, keepdim=True)) + NOTHING for image in (one, other))
    share = first / (first + second)
    return picture + share * one + (1 - share) * other


def correlation(one: Tensor, other: Tensor) -> Tensor:
    """Of two bands in the neighbourhood of each pixel, over all channels, 1×H×W; exactly 1 where they are the same."""
    product = blur((one * other).sum(0, keepdim=True))
    energy = blur(one.square().sum(0, keepdim=True)) * blur(other.square().sum(0, keepdim=True))
    same = (one == other).all(0, keepdim=True)
    return torch.where(same, 1.0, product / (energy.sqrt() + NOTHING))


def build_pyramid(image: Tensor, levels: int) -> list[Tensor]:
    """Bands from fine to coarse, and what is left, C×h×w each."""
    bands = []
    for _ in range(levels):
        small = blur(image)[:, ::2, ::2]
        bands.append(image - expand(small, image.shape[-2:]))
        image = small
    return [*bands, image]


def expand(image: Tensor, size: tuple[int, int]) -> Tensor:
    """Twice the size, ``size``: every second pixel is one of ``image``, the others lie between."""
    sparse = image.new_zeros(len(image), *size)
    sparse[:, ::2, ::2] = image
    return 4 * blur(sparse)


def blur(image: Tensor) -> Tensor:
    """Binomial filter of 5×5, borders mirrored. Shifted sums take a fraction of a convolution's memory."""
    mode = 'reflect' if min(image.shape[-2:]) > 2 else 'replicate'
    padded = pad(image, (2, 2, 2, 2), mode=mode)
    return _blur_along(_blur_along(padded, dim=2), dim=1)


def _blur_along(padded: Tensor, dim: int) -> Tensor:
    size = padded.shape[dim] - 4
    total = padded.narrow(dim, 2, size) * (6 / 16)
    for place, weight in ((0, 1), (1, 4), (3, 4), (4, 1)):
        total.add_(padded.narrow(dim, place, size), alpha=weight / 16)
    return total
