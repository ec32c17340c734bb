"""Fuses images, folders and videos with an exported network."""

import os
from collections.abc import Sequence
from functools import partial

import numpy as np

from mmdefusion.inference.infrared import Polarity
from mmdefusion.inference.pair_fusing import PairFusing
from mmdefusion.rules.detail import Detail
from mmdefusion.rules.luma import luma
from mmdefusion.rules.memory import FrameMemory
from mmdefusion.rules.options import Colour, DetailChoice, Target, Task
from mmdefusion.rules.patches import missing_to_patches
from mmdefusion.rules.picture import PictureRule
from mmdefusion.utils.image_io import reverse_channels

from .network import OnnxNetwork, Provider
from .sliding_window import SlidingWindow

PARTS = ('common', 'unique_a', 'unique_b')
ALONE = ('alone_visible', 'alone_infrared')  # each source fused with itself, which the rule of detail needs


class OnnxFuser(PairFusing):
    """:class:`mmdefusion.FusionInferencer` for an exported file, without torch: same call, same results.

    It keeps no state between calls, so several threads may share one.

    Args:
        file: a fuser that ``tools/deployment/export.py`` wrote.
        task, colour, detail, target, show_progress, thermal_range, polarity: see :class:`mmdefusion.FusionInferencer`.
        sliding_window: as there, such as ``dict(size=224, batch_size=8)``; a file of fixed size has windows of its own
            size, and takes ``batch_size`` only.
        threads, providers: see :class:`OnnxNetwork`.
        network_pixels: see :class:`mmdefusion.FusionInferencer`; a file of fixed size sees all pixels.

    Raises:
        FileNotFoundError: if the file does not exist.
        ModuleNotFoundError: if onnxruntime is not installed.
        ValueError: if the file is not an exported fuser, or an argument has a value that is not allowed.

    Example:
        >>> fuser = OnnxFuser('fuser.onnx')
        >>> (result,) = fuser('visible.jpg', 'infrared.png')
        >>> result.images['fused']  # H×W×3 uint8, BGR
    """

    def __init__(
        self,
        file: str | os.PathLike,
        task: Task = 'ivf',
        colour: Colour | None = None,
        detail: DetailChoice = 'residual',
        target: Target | None = None,
        sliding_window: dict | None = None,
        show_progress: bool = True,
        thermal_range: tuple[float, float] | None = None,
        polarity: Polarity = 'auto',
        threads: int | None = None,
        providers: Sequence[Provider] | None = None,
        network_pixels: int | None = None,
    ) -> None:
        super().__init__(task, colour, detail, target, show_progress, thermal_range, polarity, network_pixels)
        self.network = OnnxNetwork(file, 'fuse', threads, providers)
        numbers = {key: value for key, value in (self.chosen.detail or {}).items() if key != 'type'}
        detail_rule = Detail(**numbers) if self.chosen.detail else None
        self.rule = PictureRule(self.chosen.colour, self.chosen.target, detail_rule)
        size = self.network.metadata.size
        windows = SlidingWindow.square(**(sliding_window or {}))
        if size:
            useless = sorted({*(sliding_window or {})} - {'batch_size'}) + ['network_pixels'] * bool(network_pixels)
            if useless:
                one = f'{size[1]}x{size[0]}'
                raise ValueError(f'{self.network.file} takes images of {one} only: leave out {", ".join(useless)}.')
            self.network_pixels = self.frame_pixels = None
        self.sliding_window = SlidingWindow(*size, 0, windows.batch_size) if size else windows

    def _to_image(self, picture: np.ndarray) -> np.ndarray:
        return reverse_channels(picture).astype(np.float32) / 255

    def _to_picture(self, image: np.ndarray) -> np.ndarray:
        return reverse_channels(np.rint(image * 255).astype(np.uint8))

    def _fuse_pair(
        self,
        a: np.ndarray,
        b: np.ndarray,
        pixels: int | None,
        parts: bool = False,
        share: bool = False,
        memory: FrameMemory | None = None,
    ) -> dict[str, np.ndarray]:
        if share:
            raise ValueError('an exported network does not tell its share: leave this output out.')
        a = a if a.ndim == 3 else np.repeat(a[..., None], 3, 2)
        sources = self.rule.read(a, b)
        seen = self.rule.reduce(sources, pixels)
        together = parts and seen[0] is sources[0]
        alone = ALONE if self.rule.detail else ()
        found = self._see([*(PARTS if together else ()), 'fused', *alone], *seen)
        if parts and not together:
            found |= self._see(PARTS, *sources)
        images = {name: found[name].clip(0, 1) for name in PARTS if parts}
        fused = self.rule.finish(a, sources, found['fused'], [found[name] for name in alone], memory)
        return {**images, 'fused': fused}

    def _see(self, names: Sequence[str], a: np.ndarray, b: np.ndarray) -> dict[str, np.ndarray]:
        """What the network decodes of two images of any size, by name."""
        read = (image if image.ndim == 3 else image[..., None] for image in (a, b))
        found = self.sliding_window(partial(self._run, names), *read)
        return {n: image if a.ndim == 3 else image[..., 0] for n, image in zip(names, found, strict=True)}

    def _run(self, names: Sequence[str], a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Runs the network on two batches B×h×w×C in [0, 1], and returns B×K×h×w×C, an image for each name."""
        height, width, channels = a.shape[1:]
        planes = [np.repeat(image, 3, 3) if channels == 1 else image for image in (a, b)]
        filled = [fill_patches(image).transpose(0, 3, 1, 2) * np.float32(255) for image in planes]
        images = np.stack(self.network(*filled, outputs=names), axis=1)[..., :height, :width]
        images = images.astype(np.float32).transpose(0, 1, 3, 4, 2)
        return luma(images)[..., None] if channels == 1 else images


def fill_patches(images: np.ndarray) -> np.ndarray:
    """Extends B×H×W×C to whole patches by mirroring, or in very narrow images by repetition."""
    (bottom, right), mirrored = missing_to_patches(images.shape[1:3])
    return np.pad(images, ((0, 0), (0, bottom), (0, right), (0, 0)), mode='reflect' if mirrored else 'edge')
