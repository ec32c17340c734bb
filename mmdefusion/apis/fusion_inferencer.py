"""Fuses images, folders and videos with a network in PyTorch."""

import os
from contextlib import AbstractContextManager

import numpy as np
from mmengine.device import get_device
from torch import Tensor

from mmdefusion.inference.infrared import Polarity
from mmdefusion.inference.pair_fusing import PairFusing
from mmdefusion.models.fusers.picture_fuser import to_array, to_tensor
from mmdefusion.models.structures import Pair
from mmdefusion.rules.filters import resize_to
from mmdefusion.rules.memory import FrameMemory
from mmdefusion.rules.options import Colour, DetailChoice, Target, Task
from mmdefusion.utils.image_io import reverse_channels

from .fuser_loading import load_fuser
from .shared_cores import shared_cores


class FusionInferencer(PairFusing):
    """Fuses infrared and visible images (ivf), exposures (mef) or foci (mff).

    It keeps no state between calls, so several threads may share one.

    Args:
        weights: file, ``hf://owner/repo/file`` or URL of a pretrained network; None takes those that come with the
            package.
        config: config file, for weights that carry no config.
        task: ``'ivf'``, ``'mef'`` or ``'mff'``; sets the defaults of ``colour``, ``detail`` and ``target``.
        colour: ``'luma'``, ``'rgb'``, ``'exposed'`` or ``'grey'``, see :class:`PictureFuser`; None takes that of the
            task, and for plain output of exposures ``'rgb'``.
        detail: ``'residual'`` takes texture from the source that the network follows (:class:`ResidualDetail`), by the
            numbers of the task; ``dict(boost=0.3)`` by others; None returns the plain output of the network.
        target: treatment of people, cars and skies in infrared and visible images: ``'keep'``, ``'highlight'`` or
            ``'off'``, see :class:`PictureFuser`. None takes ``'keep'`` for the brightness of such images with detail,
            and ``'off'`` for exposures, foci, plain output, and the colours ``'rgb'`` and ``'exposed'``.
        sliding_window: arguments of :class:`SlidingWindow`, such as ``dict(size=224, batch_size=8)``.
        device: device of the network; None takes the best one available.
        show_progress: whether to show a progress bar on terminals.
        thermal_range: counts of 16-bit infrared images, or values of float ones, that become black and white; None
            takes percentiles of each image, and 0 to 1 for arrays of floats. Other 16-bit images are scaled from their
            full range, and those of 8 bits are not; there is a warning if a series has no others. For ``'ivf'`` only,
            as ``polarity``.
        polarity: whether hot is bright in the infrared images (``'white-hot'``) or dark (``'black-hot'``), which are
            inverted; ``'auto'`` guesses it for each call, with a warning where it is not white-hot.
        network_pixels: most pixels of an image that the network sees for the fused image where detail comes from the
            sources; larger images are reduced for it, which is faster. None takes 20,480 for the frames of
            videos, 192,080 for infrared and visible images, and all for exposures and foci. A number that is larger
            than the images takes all.

    Raises:
        FileNotFoundError: if the weights do not exist.
        ValueError: if the weights are not those of a fuser, or an argument has a value that is not allowed.

    Example:
        >>> fuser = FusionInferencer()
        >>> (result,) = fuser('visible.jpg', 'infrared.png')
        >>> result.images['fused']  # H×W×3 uint8, BGR
    """

    def __init__(
        self,
        weights: str | os.PathLike | None = None,
        config: str | None = None,
        task: Task = 'ivf',
        colour: Colour | None = None,
        detail: DetailChoice = 'residual',
        target: Target | None = None,
        sliding_window: dict | None = None,
        device: str | None = None,
        show_progress: bool = True,
        thermal_range: tuple[float, float] | None = None,
        polarity: Polarity = 'auto',
        network_pixels: int | None = None,
    ) -> None:
        super().__init__(task, colour, detail, target, show_progress, thermal_range, polarity, network_pixels)
        self.device = device or get_device()
        self.model = load_fuser(
            weights or 'tiny',
            config,
            self.device,
            colour=self.chosen.colour,
            detail=self.chosen.detail,
            target=self.chosen.target,
            sliding_window=sliding_window or {},
        )

    def _shared_cores(self, workers: int) -> AbstractContextManager:
        return shared_cores(workers)

    def _to_image(self, picture: np.ndarray) -> Tensor:
        return to_tensor(reverse_channels(picture)).to(self.device)

    def _to_picture(self, image: Tensor) -> np.ndarray:
        return reverse_channels(to_array(image))

    def _fuse_pair(
        self,
        a: Tensor,
        b: Tensor,
        pixels: int | None,
        parts: bool = False,
        share: bool = False,
        memory: FrameMemory | None = None,
    ) -> dict[str, Tensor]:
        pair = Pair(a.expand(3, -1, -1), b)
        if share:
            explained = self.model.explain(pair, network_pixels=pixels, memory=memory)
            return explained.images._asdict() | {'share': resize_to(explained.share, b).clip(0, 1)}
        fused = self.model.fuse(pair, parts=parts, network_pixels=pixels, memory=memory)
        return fused._asdict() if parts else {'fused': fused}
