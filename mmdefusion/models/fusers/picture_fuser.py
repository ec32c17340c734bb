"""From two pictures to the one that people want to see."""

from collections.abc import Sequence
from typing import Literal, NamedTuple, get_args

import numpy as np
import torch
from mmengine.structures import BaseDataElement
from torch import Tensor

from mmdefusion.registry import MODELS

from ..layers import Normalize
from ..structures import Pair
from .colour import luma, with_luma
from .image_fuser import FusedImages, ImageFuser

Colour = Literal['rgb', 'luma', 'grey']


class Drawn(NamedTuple):
    """What the network makes of a pair, and of each source with itself; B×3×H×W."""

    parts: FusedImages
    own: Pair


@MODELS.register_module()
class PictureFuser(ImageFuser):
    """The image fuser with all that pictures need around it: any size, detail, colour.

    Args:
        windows: config of :class:`Windows`.
        detail: config of :class:`ResidualDetail`; None gives the network's plain output, as in the paper.
        colour: ``'luma'`` fuses brightness and keeps the colours of the first picture, ``'rgb'`` fuses the three
            channels as the network gives them, ``'grey'`` fuses brightness and gives one channel.
        **fuser: of :class:`ImageFuser`.

    Raises:
        ValueError: if ``colour`` is none of the three.
    """

    def __init__(
        self,
        windows: dict | None = None,
        detail: dict | None = None,
        colour: Colour = 'luma',
        **fuser,
    ) -> None:
        super().__init__(**fuser)
        if colour not in get_args(Colour):
            raise ValueError(f'colour={colour!r} is none of {get_args(Colour)}.')
        self.windows = MODELS.build(windows or dict(type='mmdefusion.Windows'))
        self.detail = MODELS.build(detail) if detail else None
        self.colour = colour
        self.normalize = Normalize()

    def forward(
        self, inputs: Tensor, data_samples: Sequence[BaseDataElement] | None = None, mode: str = 'tensor'
    ) -> FusedImages | list[BaseDataElement]:
        """MMEngine's modes.

        Args:
            inputs: B×6×H×W, in ``'predict'`` RGB in [0, 1], in ``'tensor'`` normalised.
            data_samples: get ``fused`` (uint8 H×W×3 or H×W, RGB), ``visible`` and ``infrared`` in ``'predict'``.
            mode: ``'predict'`` or ``'tensor'`` (:class:`ImageFuser`'s).
        """
        if mode == 'tensor':
            return super().forward(inputs)
        samples = list(data_samples or [BaseDataElement() for _ in inputs])
        for sample, pair in zip(samples, inputs, strict=True):
            visible, infrared = pair.chunk(2)
            fused = self.fuse_pictures(Pair(visible, infrared)).fused
            pictures = dict(fused=fused, visible=visible, infrared=infrared)
            sample.set_data({name: to_picture(image) for name, image in pictures.items()})
        return samples

    @torch.no_grad()
    def fuse_pictures(self, pair: Pair) -> FusedImages:
        """Fuse two pictures of any size.

        Args:
            pair: 3×H×W each, RGB in [0, 1].

        Returns:
            In [0, 1]. ``'rgb'``: 3×H×W each; ``'grey'``: 1×H×W; ``'luma'``: 3×H×W, the parts 1×H×W.

        Raises:
            ValueError: if the sizes differ, or a value is not finite.
        """
        check(pair)
        sources = pair if self.colour == 'rgb' else Pair(*(luma(image) for image in pair))
        *parts, own_a, own_b = self.windows(self._draw_stacked, sources)
        images = FusedImages(*parts)
        if self.detail:
            images = images._replace(fused=self.detail(images.fused, sources, Pair(own_a, own_b)))
        if self.colour == 'luma':
            images = images._replace(fused=with_luma(pair.a, images.fused))
        return FusedImages(*(image.clip(0, 1) for image in images))

    def _draw_stacked(self, pair: Pair) -> Tensor:
        """B×C×H×W pictures to B×6×C×H×W: the four parts and both reconstructions, with as many channels."""
        channels = pair.a.shape[1]
        drawn = self.draw_all(Pair(*(image.expand(-1, 3, -1, -1) for image in pair)))
        images = torch.stack([*drawn.parts, *drawn.own], dim=1)
        return luma(images) if channels == 1 else images

    def draw_all(self, pair: Pair) -> Drawn:
        """Network outputs for B×3×H×W pictures in [0, 1]; the encoder runs once for all of them."""
        features = self.backbone(self.normalize(torch.cat(pair, dim=1)))
        own = (self.draw_fused(self.neck(alone)) for alone in features.each_with_itself())
        return Drawn(self.draw(self.neck(features)), Pair(*own))


def check(pair: Pair) -> None:
    """Raises a ValueError where two pictures cannot be fused."""
    sizes = [f'{image.shape[-1]}x{image.shape[-2]}' for image in pair]
    if pair.a.shape != pair.b.shape:
        raise ValueError(f'The pictures are {sizes[0]} and {sizes[1]}: align or resize one of them first.')
    for image, name in zip(pair, ('first', 'second'), strict=True):
        if not image.isfinite().all():
            raise ValueError(f'The {name} picture has NaN or infinite values: replace them first.')


def to_picture(image: Tensor) -> np.ndarray:
    """C×H×W in [0, 1] to H×W×3 (RGB) or H×W uint8."""
    picture = (image * 255).round().byte().permute(1, 2, 0).cpu().numpy()
    return picture[..., 0] if picture.shape[2] == 1 else picture
