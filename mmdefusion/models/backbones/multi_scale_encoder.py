"""An encoder that sees each image at several sizes."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from mmdefusion.registry import MODELS

from ..layers import Content, extend_to_patches, tokens_to_map
from .defusion_encoder import DeFusionEncoder


@MODELS.register_module()
class MultiScaleEncoder(DeFusionEncoder):
    """A :class:`DeFusionEncoder` whose tokens are the mean of those of the images at several sizes.

    In an enlarged image an object covers more patches, of which each shows less of what is around it, so small objects
    are told better; the image as it is knows the place of each patch in the scene. The tokens of an enlarged image are
    averaged over what one patch of the image itself covers, so grid and width stay the same, and necks, pyramids and
    heads read it as they read a :class:`DeFusionEncoder`; fused images are decoded from the tokens of that one only. It
    has the same parameters, so any checkpoint fits. The time of a size grows with its square, and more where attention
    is not by windows. Not part of the paper.

    Args:
        arch: see :class:`DeFusionEncoder`.
        scales: whole factors by which the images are enlarged (bicubic); 1 is the image as it is.
        **encoder: further arguments of :class:`DeFusionEncoder`.

    Raises:
        ValueError: if ``scales`` are not different whole numbers from 1 on, or see :class:`DeFusionEncoder`.
    """

    def __init__(self, arch: str | dict = 'tiny', scales: Sequence[int] = (1, 2), **encoder) -> None:
        whole = isinstance(scales, Sequence) and all(type(scale) is int and scale >= 1 for scale in scales)
        if not scales or not whole or len(set(scales)) < len(scales):
            raise ValueError(f'scales={scales} must be different whole numbers from 1 on, such as (1, 2).')
        super().__init__(arch, **encoder)
        self.scales = tuple(scales)

    def encode(
        self, images: Tensor, content: Content | None = None, added: Tensor | None = None
    ) -> tuple[list[Tensor], tuple[int, int]]:
        """Encodes single images at each size, see :meth:`DeFusionEncoder.encode`."""
        found = [self._encode_at(scale, images, content, added) for scale in self.scales]
        layers, grids = zip(*found, strict=True)
        return [sum(tokens) / len(tokens) for tokens in zip(*layers, strict=True)], grids[0]

    def _encode_at(
        self, scale: int, images: Tensor, content: Content | None, added: Tensor | None
    ) -> tuple[list[Tensor], tuple[int, int]]:
        """The tokens of enlarged images, on the grid of the images themselves."""
        if scale == 1:
            return super().encode(images, content, added)
        images = interpolate(extend_to_patches(images), scale_factor=scale, mode='bicubic')
        added = None if added is None else interpolate(added, scale_factor=scale)
        layers, grid = super().encode(images, content and content.enlarged(scale), added)
        return [average(tokens, grid, scale) for tokens in layers], tuple(side // scale for side in grid)


def average(tokens: Tensor, grid: tuple[int, int], scale: int) -> Tensor:
    """Averages the patches of B×(1 + h·w)×C in squares of ``scale``×``scale``."""
    patches = avg_pool2d(tokens_to_map(tokens, grid), scale)
    return torch.cat([tokens[:, :1], patches.flatten(2).mT], dim=1)
