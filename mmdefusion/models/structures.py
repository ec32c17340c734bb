"""The data that backbone, neck, pyramids and heads pass on.

All tokens are B×N×C with N = 1 + h·w, class token first.
"""

from typing import NamedTuple

from torch import Tensor, cat

from .layers.padding import Content
from .layers.windows import Windows


class Pair(NamedTuple):
    """One tensor for image a and one for image b of a pair, such as the visible and the infrared image."""

    a: Tensor
    b: Tensor

    @classmethod
    def split(cls, batched: Tensor) -> 'Pair':
        """Undoes :meth:`batched`; unlike ``chunk(2)`` it leaves the size of the batch open in exported models."""
        return cls(*batched.unflatten(0, (2, -1)).unbind())

    def batched(self) -> Tensor:
        """Concatenates a and b along the batch."""
        return cat(self)

    def swapped(self) -> Tensor:
        """Concatenates b and a along the batch."""
        return cat((self.b, self.a))


class Sensors(NamedTuple):
    """One tensor for each sensor of a pair."""

    visible: Tensor
    infrared: Tensor


class PairFeatures(NamedTuple):
    """Output of :class:`DeFusionEncoder`."""

    deep: Pair  #: x12, after the last block
    skip: Pair  #: LN1(x0) + LN2(x1)
    layers: tuple[Pair, ...]  #: x0 (the embedding), then x1, x2, ... after each block
    grid: tuple[int, int]  #: h, w in patches
    content: Content  #: sizes of the images in the batch, in pixels
    mask: Tensor | None = None  #: B×N, true for tokens of an image, false for padding; None for all
    windows: Windows | None = None  #: windows of whatever reads the features; None attends to the whole image
    pair: Tensor | None = None  #: B×6×H×W, the pair that was encoded, for what reads it beside the tokens

    @property
    def image_size(self) -> tuple[int, int]:
        """H, W of the batch in pixels, before any extension to whole patches."""
        return self.content.image_size

    @property
    def reach(self) -> Tensor | Windows | None:
        """What the tokens attend to in the decomposition and in pyramids: the ``mask`` of their blocks."""
        return self.windows or self.mask


class Parts(NamedTuple):
    """What two images share, and what only one of them has."""

    common: Tensor
    unique_a: Tensor
    unique_b: Tensor


class Decomposition(NamedTuple):
    """Output of :class:`DecompositionNeck`."""

    deep: Parts
    skip: Parts
    blended: Tensor  #: f, the fused tokens before the mixer
    fused: Tensor  #: g, the fused tokens that downstream tasks read
    features: PairFeatures  #: the features that were decomposed

    def full(self) -> Parts:
        """The sum of deep and skip parts, the input of image heads and teacher predictions."""
        return Parts(*(deep + skip for deep, skip in zip(self.deep, self.skip, strict=True)))


class FusedImages(NamedTuple):
    """RGB images B×3×H×W in [0, 1] space, not clipped."""

    common: Tensor
    unique_a: Tensor
    unique_b: Tensor
    fused: Tensor
