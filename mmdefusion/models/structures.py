"""What travels from the backbone to the neck and on to pyramids and heads.

All tokens are B×N×C with N = 1 + h·w, class token first.
"""

from typing import NamedTuple

from torch import Tensor, cat

from .layers.padding import Content


class Pair(NamedTuple):
    """The same thing of image a and of image b, such as the visible and the infrared one."""

    a: Tensor
    b: Tensor

    def batched(self) -> Tensor:
        """a, then b, along the batch."""
        return cat(self)

    def swapped(self) -> Tensor:
        """b, then a, along the batch."""
        return cat((self.b, self.a))


class Sensors(NamedTuple):
    """The same thing for each sensor of a pair, in the order in which pairs travel."""

    visible: Tensor
    infrared: Tensor


class PairFeatures(NamedTuple):
    """Output of :class:`DeFusionEncoder`."""

    deep: Pair  #: x12, after the last block
    skip: Pair  #: LN1(x0) + LN2(x1)
    layers: tuple[Pair, ...]  #: x0 (the embedding), then x1, x2, ... after each block
    grid: tuple[int, int]  #: h, w in patches
    content: Content  #: where the pictures of the batch are, in pixels
    mask: Tensor | None = None  #: B×N, which tokens are of a picture and none of padding; None: all

    @property
    def image_size(self) -> tuple[int, int]:
        """H, W of the batch in pixels, before any extension to whole patches."""
        return self.content.image_size


class Parts(NamedTuple):
    """What two images share and what only one of them has."""

    common: Tensor
    unique_a: Tensor
    unique_b: Tensor


class Decomposition(NamedTuple):
    """Output of :class:`DecompositionNeck`."""

    deep: Parts
    skip: Parts
    blended: Tensor  #: f, the fused tokens before the mixer
    fused: Tensor  #: g, the fused tokens that downstream tasks read
    features: PairFeatures  #: what was decomposed

    def full(self) -> Parts:
        """Deep plus skip, which image heads and teachers' predictions read."""
        return Parts(*(deep + skip for deep, skip in zip(self.deep, self.skip, strict=True)))


class FusedImages(NamedTuple):
    """RGB images B×3×H×W in [0, 1] space, not clipped."""

    common: Tensor
    unique_a: Tensor
    unique_b: Tensor
    fused: Tensor
