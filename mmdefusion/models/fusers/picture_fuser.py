"""Fuses images of any size for viewing, with detail and colour."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple, get_args

import numpy as np
import torch
from mmengine.structures import BaseDataElement
from torch import Tensor
from torch.nn.functional import pad

from mmdefusion.registry import MODELS, build_model_part
from mmdefusion.rules.detail import network_share
from mmdefusion.rules.memory import FrameMemory
from mmdefusion.rules.options import Colour, Target, refuse_coloured_targets
from mmdefusion.rules.patches import missing_to_patches
from mmdefusion.rules.picture import PictureRule

from ..layers import luma
from ..structures import FusedImages, Pair, Parts
from .detail import ResidualDetail
from .image_fuser import ImageFuser
from .sliding_window import SlidingWindow


class Explained(NamedTuple):
    """A fused image, and where it comes from."""

    images: FusedImages  #: the parts and the fused image, in [0, 1]
    share: Tensor  #: how far the network follows the first source around each patch: 1×h×w, 0 to 1


@MODELS.register_module()
class PictureFuser(ImageFuser):
    """An :class:`ImageFuser` for images of any size, which adds detail, colour and emphasis on hot targets.

    Args:
        sliding_window: config or object of :class:`SlidingWindow`.
        detail: config or object of :class:`ResidualDetail`; None returns the plain output of the network, as in the
            paper.
        colour: ``'luma'`` fuses brightness and keeps the colours of the first image, so the first must be the one with
            colours; ``'rgb'`` returns the three channels that the network gives; ``'exposed'`` does so too, but what
            one source shows overexposed has the colours of the other; ``'grey'`` fuses brightness and returns one
            channel.
        target: treatment of hot targets in a visible and an infrared image (hot is bright), in this order. ``'keep'``
            lets people and cars stand out as in the image that shows them better, and keeps daylight and skies of the
            visible image; ``'highlight'`` makes everything hot bright; ``'off'`` does neither.
        **fuser: arguments of :class:`ImageFuser`.

    Raises:
        ValueError: if ``colour`` or ``target`` has another value, or they do not go together.
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
        refuse_coloured_targets(colour, target)
        self.sliding_window = build_model_part(sliding_window) or SlidingWindow()
        self.detail = build_model_part(detail)
        self.colour = colour
        self.target = target

    @property
    def rule(self) -> PictureRule:
        """What is done with two images before and after the network."""
        return PictureRule(self.colour, self.target, self.detail)

    def forward(
        self, inputs: Tensor, data_samples: Sequence[BaseDataElement] | None = None, mode: str = 'tensor'
    ) -> FusedImages | list[BaseDataElement]:
        """Runs one of MMEngine's modes.

        Args:
            inputs: B×6×H×W, RGB in [0, 1].
            data_samples: samples that get ``fused`` (uint8, H×W×3 RGB or H×W), ``visible`` and ``infrared`` in
                ``'predict'``.
            mode: ``'predict'``, or ``'tensor'`` as in :class:`ImageFuser`.

        Raises:
            ValueError: if ``mode`` is ``'loss'``: only pretrainers train.
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
            sample.set_data({name: to_array(image) for name, image in pictures.items()})
        return samples

    @torch.no_grad()
    def fuse(
        self, pair: Pair, *, parts: bool = False, network_pixels: int | None = None, memory: FrameMemory | None = None
    ) -> Tensor | FusedImages:
        """Fuses two images of any size.

        Args:
            pair: two images 3×H×W, RGB in [0, 1].
            parts: whether to decode the parts too, which takes longer.
            network_pixels: most pixels that the network sees for a fused image whose detail comes from the sources;
                larger ones are reduced for it. None means all. Parts and plain output are decoded at full size.
            memory: the weights of the frames before, of a video.

        Returns:
            The fused image in [0, 1]: 3×H×W, or 1×H×W if ``colour`` is ``'grey'``. With ``parts`` all four images; the
            parts are 3×H×W if ``colour`` is ``'rgb'`` or ``'exposed'``, else 1×H×W.

        Raises:
            ValueError: if the sizes differ, or values are not finite.
        """
        sources = self._read(pair)
        decoded, (fused, *alone) = self._run(sources, network_pixels, parts, alone=self.detail is not None)
        fused = self.rule.finish(pair.a, sources, fused, alone, memory)
        return FusedImages(*decoded.clip(0, 1), fused) if parts else fused

    @torch.no_grad()
    def explain(self, pair: Pair, *, network_pixels: int | None = None, memory: FrameMemory | None = None) -> Explained:
        """Fuses two images of any size, and tells which of them the network follows where.

        Args:
            pair: two images 3×H×W, RGB in [0, 1].
            network_pixels, memory: see :meth:`fuse`.

        Returns:
            The images as of :meth:`fuse` with parts, and the share of the first source.

        Raises:
            ValueError: if the sizes differ, or values are not finite.
        """
        sources = self._read(pair)
        decoded, (fused, *alone) = self._run(sources, network_pixels, parts=True, alone=True)
        finished = self.rule.finish(pair.a, sources, fused, alone, memory)
        return Explained(FusedImages(*decoded.clip(0, 1), finished), network_share(fused, alone))

    def _run(self, sources: Pair, pixels: int | None, parts: bool, alone: bool) -> tuple[Tensor, Tensor]:
        """The parts at full size; and the fused image and each source alone, with detail at most ``pixels`` large."""
        seen = Pair(*self.rule.reduce(sources, pixels))
        together = parts and seen.a is sources.a
        images = self.sliding_window(partial(self._decode_stacked, parts=together, alone=alone), seen)
        count = len(Parts._fields) if parts else 0
        if together or not parts:
            return images[:count], images[count:]
        decoded = self.sliding_window(partial(self._decode_stacked, parts=True, alone=False), sources)
        return decoded[:count], images

    def _read(self, pair: Pair) -> Pair:
        """The input of the network: the pair itself, or its brightness."""
        check(pair)
        return Pair(*self.rule.read(*pair))

    def _decode_stacked(self, pair: Pair, parts: bool, alone: bool) -> Tensor:
        """Decodes pairs B×C×H×W to B×K×C×H×W: parts, the fused image and, with ``alone``, each source by itself."""
        channels, height, width = pair.a.shape[1:]
        inputs = fill_patches(torch.cat([image.expand(-1, 3, -1, -1) for image in pair], dim=1))
        decomposition = self.decompose(Pair(*inputs.chunk(2, dim=1)))
        decoded = [*(self.decode_parts(decomposition) if parts else ()), self.decode_fused(decomposition)]
        decoded += self.decode_alone(decomposition.features) if alone else ()
        images = torch.stack(decoded, dim=1)[..., :height, :width]
        return luma(images) if channels == 1 else images


def fill_patches(images: Tensor) -> Tensor:
    """Extends B×C×H×W to whole patches by mirroring, or in very narrow images by repetition."""
    (bottom, right), mirrored = missing_to_patches(images.shape[-2:])
    return pad(images, (0, right, 0, bottom), mode='reflect' if mirrored else 'replicate')


def check(pair: Pair) -> None:
    """Raises a ValueError if two images cannot be fused."""
    sizes = [f'{image.shape[-1]}x{image.shape[-2]}' for image in pair]
    if pair.a.shape != pair.b.shape:
        raise ValueError(f'The images are {sizes[0]} and {sizes[1]}: align or resize one of them first.')
    for image, name in zip(pair, ('first', 'second'), strict=True):
        if not torch.stack(image.aminmax()).isfinite().all():  # NaN is both the least and the most
            raise ValueError(f'The {name} image has NaN or infinite values: replace them first.')


def to_array(image: Tensor) -> np.ndarray:
    """Converts C×H×W in [0, 1] to H×W×3 (RGB) or H×W, uint8."""
    picture = (image * 255).round().byte().permute(1, 2, 0).cpu().numpy()
    return picture[..., 0] if picture.shape[2] == 1 else picture


def to_tensor(picture: np.ndarray) -> Tensor:
    """Converts H×W×3 uint8 to 3×H×W in [0, 1]."""
    return torch.from_numpy(picture).permute(2, 0, 1).contiguous().float().div_(255)
