"""From two pictures to the one that people want to see."""

from collections.abc import Sequence
from functools import partial
from typing import Literal, get_args

import numpy as np
import torch
from mmengine.structures import BaseDataElement
from torch import Tensor
from torch.nn.functional import pad

from mmdefusion.registry import MODELS, build_model_part

from ..layers import PATCH_SIZE, luma, with_luma
from ..structures import FusedImages, Pair, Parts
from .daylight import fill_borders, keep_sky
from .detail import ResidualDetail
from .image_fuser import ImageFuser
from .sliding_window import SlidingWindow
from .targets import Target, find_hot, lift_targets

Colour = Literal['rgb', 'luma', 'grey']


@MODELS.register_module()
class PictureFuser(ImageFuser):
    """The image fuser with all that pictures need around it: any size, detail, colour.

    Args:
        sliding_window: :class:`SlidingWindow`, its config or built.
        detail: :class:`ResidualDetail`, its config or built; None gives the network's plain output, as in the paper.
        colour: ``'luma'`` fuses brightness and keeps the colours of the first picture (so that one must be the
            coloured one), ``'rgb'`` fuses the three channels as the network gives them, ``'grey'`` fuses brightness
            and gives one channel.
        target: of a visible and an infrared picture (white hot), in this order. ``'keep'`` lets people and cars stand
            out as in the picture that shows them better, and leaves daylight and skies as the visible picture has them;
            ``'highlight'`` makes all that is hot bright; ``'off'`` does nothing of it.
        **fuser: of :class:`ImageFuser`.

    Raises:
        ValueError: if ``colour`` or ``target`` is none of the three, or both do not go together.
    """

    def __init__(
        self,
        sliding_window: dict | SlidingWindow | None = None,
        detail: dict | ResidualDetail | None = None,
        colour: Colour = 'luma',
        target: Target = 'off',
        **fuser,
    ) -> None:
        super().__init__(**fuser)
        if colour not in get_args(Colour):
            raise ValueError(f'colour={colour!r} is none of {get_args(Colour)}.')
        if target not in get_args(Target):
            raise ValueError(f'target={target!r} is none of {get_args(Target)}.')
        if target != 'off' and colour == 'rgb':
            raise ValueError(f"target={target!r} is a matter of brightness: it goes with colour='luma' or 'grey'.")
        self.sliding_window = build_model_part(sliding_window) or SlidingWindow()
        self.detail = build_model_part(detail)
        self.colour = colour
        self.target = target

    def forward(
        self, inputs: Tensor, data_samples: Sequence[BaseDataElement] | None = None, mode: str = 'tensor'
    ) -> FusedImages | list[BaseDataElement]:
        """MMEngine's modes.

        Args:
            inputs: B×6×H×W, RGB in [0, 1].
            data_samples: get ``fused`` (uint8 H×W×3 or H×W, RGB), ``visible`` and ``infrared`` in ``'predict'``.
            mode: ``'predict'`` or ``'tensor'`` (:class:`ImageFuser`'s).

        Raises:
            ValueError: for ``'loss'``: the pretrainers train.
        """
        if mode == 'tensor':
            return super().forward(inputs)
        if mode != 'predict':
            raise ValueError(f"mode={mode!r} is neither 'tensor' nor 'predict': a pretrainer trains what this fuses.")
        samples = list(data_samples or [BaseDataElement() for _ in inputs])
        for sample, pair in zip(samples, inputs, strict=True):
            visible, infrared = pair.chunk(2)
            fused = self.fuse(Pair(visible, infrared))
            pictures = dict(fused=fused, visible=visible, infrared=infrared)
            sample.set_data({name: to_picture(image) for name, image in pictures.items()})
        return samples

    @torch.no_grad()
    def fuse(self, pair: Pair, parts: bool = False) -> Tensor | FusedImages:
        """Fuse two pictures of any size.

        Args:
            pair: 3×H×W each, RGB in [0, 1].
            parts: whether their parts are decoded, too, which takes longer.

        Returns:
            The fused picture, in [0, 1]: 3×H×W, or 1×H×W where ``colour`` is ``'grey'``. With ``parts`` all four
            images: the parts are 3×H×W where ``colour`` is ``'rgb'``, else 1×H×W.

        Raises:
            ValueError: if the sizes differ, or a value is not finite.
        """
        sources = self._read(pair)
        images = self.sliding_window(partial(self._decode_stacked, parts=parts), sources)
        count = len(Parts._fields) if parts else 0
        fused = self._finish(pair, sources, *images[count:]).clip(0, 1)
        return FusedImages(*(image.clip(0, 1) for image in images[:count]), fused) if parts else fused

    def _read(self, pair: Pair) -> Pair:
        """What the network is to fuse of two pictures."""
        check(pair)
        if self.colour == 'rgb':
            return pair
        sources = Pair(*(luma(image) for image in pair))
        return sources if self.target == 'off' else fill_borders(sources)

    def _decode_stacked(self, pair: Pair, parts: bool) -> Tensor:
        """B×C×H×W pictures to B×K×C×H×W: parts, the fused image and, for detail, both sources as decoded alone."""
        channels, height, width = pair.a.shape[1:]
        inputs = fill_patches(torch.cat([image.expand(-1, 3, -1, -1) for image in pair], dim=1))
        decomposition = self.decompose(Pair(*inputs.chunk(2, dim=1)))
        decoded = [*(self.decode_parts(decomposition) if parts else ()), self.decode_fused(decomposition)]
        decoded += self.decode_alone(decomposition.features) if self.detail else ()
        images = torch.stack(decoded, dim=1)[..., :height, :width]
        return luma(images) if channels == 1 else images

    def _finish(self, pair: Pair, sources: Pair, fused: Tensor, *alone: Tensor) -> Tensor:
        """The fused image with detail and colours."""
        aimed, coloured = self.target != 'off', pair.a
        if self.detail:
            fused = self.detail(fused, sources, Pair(*alone), day=aimed)
        if aimed:
            hot = find_hot(sources.b)
            fused, painted = lift_targets(keep_sky(fused, sources.a, hot.weight), sources, hot, self.target)
            coloured = coloured + painted * (luma(coloured) - coloured)
        return with_luma(coloured, fused) if self.colour == 'luma' else fused


def fill_patches(images: Tensor) -> Tensor:
    """B×C×H×W with sides of whole patches: what is missing is mirrored, or in thin pictures repeated."""
    right, bottom = (-side % PATCH_SIZE for side in (images.shape[-1], images.shape[-2]))
    mode = 'reflect' if right < images.shape[-1] and bottom < images.shape[-2] else 'replicate'
    return pad(images, (0, right, 0, bottom), mode=mode)


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


def to_tensor(picture: np.ndarray) -> Tensor:
    """H×W×3 uint8 to 3×H×W in [0, 1]."""
    return torch.from_numpy(picture).permute(2, 0, 1).float() / 255
