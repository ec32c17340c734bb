"""What fusers with a network share, in PyTorch or exported: it fuses two images at a time."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import get_args

import numpy as np

from mmdefusion.rules.exposures import keep_colours
from mmdefusion.rules.filters import Image
from mmdefusion.rules.luma import luma
from mmdefusion.rules.memory import FrameMemory
from mmdefusion.rules.options import Colour, DetailChoice, Target, Task, choose_pixels, choose_rule
from mmdefusion.utils.image_io import check_scaling

from .fusing import Fusing
from .infrared import Polarity


class PairFusing(Fusing):
    """Fuses each item's first two sources, and the result with the next.

    Args:
        task, colour, detail, target, show_progress, thermal_range, polarity, network_pixels: see
            :class:`mmdefusion.FusionInferencer`.

    Raises:
        ValueError: if an argument has a value that is not allowed, or is for another task.
    """

    def __init__(
        self,
        task: Task,
        colour: Colour | None,
        detail: DetailChoice,
        target: Target | None,
        show_progress: bool,
        thermal_range: tuple[float, float] | None,
        polarity: Polarity,
        network_pixels: int | None,
    ) -> None:
        check_scaling((1.0, 99.0), thermal_range)
        self.chosen = choose_rule(task, colour, detail, target)
        self.network_pixels, self.frame_pixels = choose_pixels(task, network_pixels)
        if polarity not in get_args(Polarity):
            raise ValueError(f'polarity={polarity!r} is none of {", ".join(get_args(Polarity))}.')
        if task != 'ivf' and (thermal_range is not None or polarity != 'auto'):
            option = f'polarity={polarity!r}' if thermal_range is None else f'thermal_range={tuple(thermal_range)}'
            raise ValueError(
                f"{option} is for infrared images, not for task={task!r}: leave it out, or take task='ivf'."
            )
        self.polarity = polarity
        self.reading = dict(thermal=task == 'ivf', thermal_range=thermal_range)
        self.show_progress = show_progress

    def _decode(
        self,
        name: str,
        sources: Sequence[np.ndarray],
        parts: bool,
        share: bool = False,
        memory: FrameMemory | None = None,
    ) -> dict[str, np.ndarray]:
        first, *others = exposures = [self._to_image(source) for source in sources]
        pixels, images = self.frame_pixels if memory else self.network_pixels, {}
        try:
            for other in others[:-1]:
                first = self._fuse_pair(first, other, pixels)['fused']
            if others or parts or share:  # the parts of a single source are those of it fused with itself
                images = self._fuse_pair(first, (others or exposures)[-1], pixels, parts, share, memory)
        except ValueError as error:
            raise ValueError(f'{name}: {error}') from None
        if not others:
            images['fused'] = luma(first) if self.chosen.colour == 'grey' else first
        elif self.chosen.colour == 'exposed' and len(others) > 1:  # what was fused before says nothing of exposure
            images['fused'] = keep_colours(images['fused'], exposures)
        return {name: self._to_picture(image) for name, image in images.items()}

    @abstractmethod
    def _to_image(self, picture: np.ndarray) -> Image:
        """Converts H×W×3 uint8, BGR, to RGB in [0, 1], in the form that the network's rules take."""

    @abstractmethod
    def _to_picture(self, image: Image) -> np.ndarray:
        """Converts RGB or grey in [0, 1] to H×W×3 BGR or H×W, uint8."""

    @abstractmethod
    def _fuse_pair(
        self,
        a: Image,
        b: Image,
        pixels: int | None,
        parts: bool = False,
        share: bool = False,
        memory: FrameMemory | None = None,
    ) -> dict[str, Image]:
        """The images of two sources by name.

        Args:
            a: RGB in [0, 1]; or a map, if it was fused before and is grey.
            b: RGB in [0, 1].
            pixels: most pixels that the network sees for the fused image; None means all.
            parts, share, memory: see :meth:`_decode`.

        Raises:
            ValueError: if they cannot be fused.
        """
