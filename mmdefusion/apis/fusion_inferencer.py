"""Fuses images, folders and videos."""

import os
import warnings
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import chain, islice
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from mmengine.device import get_device

from mmdefusion.models.fusers.detail import resample
from mmdefusion.models.fusers.memory import FrameMemory
from mmdefusion.models.fusers.picture_fuser import Colour, to_picture, to_tensor
from mmdefusion.models.fusers.targets import Target
from mmdefusion.models.layers.colour import luma
from mmdefusion.models.structures import Pair
from mmdefusion.utils.files import make_writable
from mmdefusion.utils.image_io import check_scaling, reverse_channels
from mmdefusion.utils.progress import track
from mmdefusion.utils.video_reader import VideoFrames
from mmdefusion.utils.video_writer import VideoWriter

from .loading import load_fuser
from .outputs import Fused, NotAllDone, Output, OutputFolder, check_outputs, draw_panel
from .sources import Image, Item, Source, frame_items, is_video, list_items, refuse_folding, to_first_size
from .thermal import Polarity, tell_black_hot, to_white_hot

Task = Literal['ivf', 'mef', 'mff']

VIDEO_PIXELS = 160 * 128  # most pixels of a frame that the network sees; detail comes from the whole frame

# Defaults for each task: infrared-visible, multi-exposure and multi-focus pairs. Where one source is out of focus, the
# other has all of the detail, and exposures have enough of it, so detail needs no boost. Contrast says little about
# exposure, so there only the network chooses.
TASKS: dict[str, dict] = {
    'ivf': dict(colour='luma', detail=dict(type='mmdefusion.ResidualDetail')),
    'mef': dict(
        colour='rgb',
        detail=dict(type='mmdefusion.ResidualDetail', boost=0.0, sharpness=1.0, contrast=0.0, brightness=0.0),
    ),
    'mff': dict(colour='rgb', detail=dict(type='mmdefusion.ResidualDetail', boost=0.0, brightness=0.0)),
}


class FusionInferencer:
    """Fuses infrared and visible images (ivf), exposures (mef) or foci (mff).

    It keeps no state between calls, so several threads may share one.

    Args:
        weights: file or URL of a pretrained network; None takes the weights that come with the package.
        config: config file, for weights that carry no config.
        task: ``'ivf'``, ``'mef'`` or ``'mff'``; sets the defaults of ``colour`` and ``detail``.
        colour: ``'luma'``, ``'rgb'`` or ``'grey'``, see :class:`PictureFuser`; None takes that of the task.
        detail: ``'residual'`` takes texture from the source that the network follows (:class:`ResidualDetail`); None
            returns the plain output of the network.
        target: treatment of people, cars and skies: ``'keep'``, ``'highlight'`` or ``'off'``, see
            :class:`PictureFuser`; for infrared and visible images only.
        sliding_window: arguments of :class:`SlidingWindow`, such as ``dict(size=224, batch_size=8)``.
        device: device of the network; None takes the best one available.
        show_progress: whether to show a progress bar on terminals.
        thermal_range: counts of 16-bit infrared images that become black and white; None takes percentiles of each
            image. Other 16-bit images are scaled from their full range.
        polarity: whether hot is bright in the infrared images (``'white-hot'``) or dark (``'black-hot'``), which are
            inverted; ``'auto'`` guesses it for each call, with a warning where it is not white-hot.
        network_pixels: most pixels of an image that the network sees where detail comes from the sources and no parts
            are asked for; larger images are reduced for it, which is faster. None takes 20,480 for the frames of
            videos and all for other images.

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
        detail: Literal['residual'] | None = 'residual',
        target: Target = 'off',
        sliding_window: dict | None = None,
        device: str | None = None,
        show_progress: bool = True,
        thermal_range: tuple[float, float] | None = None,
        polarity: Polarity = 'auto',
        network_pixels: int | None = None,
    ) -> None:
        check_scaling((1.0, 99.0), thermal_range)
        if network_pixels is not None and network_pixels < 1:
            raise ValueError(f'network_pixels={network_pixels} must be at least 1, or None.')
        if task not in TASKS:
            raise ValueError(f'task={task!r} is none of {", ".join(TASKS)}.')
        if detail not in ('residual', None):
            raise ValueError(f"detail={detail!r} is neither 'residual' nor None.")
        if target != 'off' and task != 'ivf':
            raise ValueError(f"target={target!r} needs an infrared and a visible image: task='ivf'.")
        if polarity not in get_args(Polarity):
            raise ValueError(f'polarity={polarity!r} is none of {", ".join(get_args(Polarity))}.')
        self.polarity = polarity
        self.reading = dict(thermal=task == 'ivf', thermal_range=thermal_range)
        self.network_pixels = network_pixels
        self.show_progress = show_progress
        self.device = device or get_device()
        self.model = load_fuser(
            weights or 'tiny',
            config,
            self.device,
            colour=colour or TASKS[task]['colour'],
            detail=TASKS[task]['detail'] if detail else None,
            target=target,
            sliding_window=sliding_window or {},
        )

    def __call__(
        self,
        *sources: Source,
        out_dir: str | os.PathLike | None = None,
        outputs: Sequence[Output] = ('fused',),
        resize: bool = False,
        resume: bool = False,
        suffixes: Sequence[str] = (),
        fold: bool = False,
        skip_unmatched: bool = False,
    ) -> list[Fused] | list[Path]:
        """Fuses the matching images of two or more sources; with more than two, each result is fused with the next.

        An image that cannot be read or fused does not stop the others.

        Args:
            sources: files, URLs, arrays (H×W or H×W×3 BGR), lists of them, globs, folders or videos.
            out_dir: folder for ``NAME.png`` (the fused image) and ``NAME_OUTPUT.png`` (other outputs), or for a video;
                None returns the results.
            outputs: ``'fused'``, ``'common'``, ``'unique_a'``, ``'unique_b'``; ``'share'``, grey, 255 where the network
                follows the first source and 0 where it follows the second; and ``'panel'``, which shows the first
                four.
            resize: whether to resize the other images to the size of the first.
            resume: whether to skip results that are in ``out_dir`` already.
            suffixes: endings that tell the files of folders apart, such as ``('_A', '_B')``.
            fold: whether to fuse more than nine single files, or files of several folders, into one image. This is
                refused by default, as a shell may have expanded unquoted patterns.
            skip_unmatched: whether to leave out files of folders and globs that have no partner of the same name.

        Returns:
            The written paths, or without ``out_dir`` the results.

        Raises:
            OSError: if ``out_dir`` cannot be written to, or the only item does not exist.
            ValueError: if the sources do not match, or the only item cannot be fused.
            NotAllDone: at the end, if some of several items do not exist or cannot be fused.
        """
        check_outputs(outputs)
        folder = None if out_dir is None else make_writable(out_dir)
        given = [source for source in sources if source is not None]
        if given and all(is_video(source) for source in given):
            if folder is None:
                raise ValueError('Videos are written, not returned: give out_dir.')
            if not fold:
                refuse_folding(given)
            return self._fuse_videos(given, OutputFolder(folder, outputs, '.mp4'), resize, resume)
        items = list_items(given, suffixes, fold, skip_unmatched)
        if folder is None:
            return self._fuse_items(items, outputs, resize)
        target = OutputFolder(folder, outputs)
        target.refuse_overwriting([item.name for item in items], [image for item in items for image in item.images])
        if resume:
            items = [item for item in items if not target.holds(item.name)]
        return self._fuse_items(items, outputs, resize, target)

    def fuse(self, pair: Item | Sequence[Image], parts: bool = False, resize: bool = False) -> Fused:
        """Fuses two sources; with more than two, each result is fused with the next.

        Args:
            pair: the sources, as files or arrays; a single source is returned as it is.
            parts: whether to decode the common and unique images of the last two too.
            resize: whether to resize the other images to the size of the first.

            Returns:
                The images by name, H×W×3 (BGR) or H×W, uint8.

        Raises:
            OSError: if a file does not exist.
            ValueError: if an image cannot be read, or the sizes differ; the message names the item.
        """
        item = pair if isinstance(pair, Item) else Item('pair', tuple(pair))
        return Fused(item.name, self._decode(item.name, self._read(item, resize, self._black_hot([item])), parts))

    def _fuse_items(
        self, items: Sequence[Item], outputs: Sequence[Output], resize: bool, target: OutputFolder | None = None
    ) -> list[Fused] | list[Path]:
        results, failures, black_hot = [], {}, self._black_hot(items)
        for item in track(items, 'fusing', show=self.show_progress):
            if len(item.images) == 1:
                warnings.warn(f'{item.name} has no partner: it is returned as it is.', stacklevel=3)
            try:
                fused = self._render(item, outputs, resize, black_hot)
            except (OSError, ValueError) as error:
                if len(items) == 1:
                    raise
                failures[item.name] = error
            else:  # errors of writing are raised: the next file could not be written either
                results += target.write(fused) if target else [fused]
        if failures:
            raise NotAllDone(failures, results)
        return results

    def _fuse_videos(self, sources: Sequence[str], target: OutputFolder, resize: bool, resume: bool) -> list[Path]:
        frames = VideoFrames(sources)
        target.refuse_overwriting([frames.name], sources)
        if resume and target.holds(frames.name):
            return []
        if len(sources) == 1:
            warnings.warn(f'{frames.name} has no partner: it is returned as it is.', stacklevel=3)
        with ExitStack() as stack:
            files = target.files(frames.name)
            writers = {name: stack.enter_context(VideoWriter(file, frames.rate)) for name, file in files.items()}
            items = frame_items(track(frames, 'fusing', show=self.show_progress), frames.name)
            first = list(islice(items, 1))
            black_hot, memory = self._black_hot(first), FrameMemory()
            for item in chain(first, items):
                for name, image in self._render(item, target.outputs, resize, black_hot, memory).images.items():
                    writers[name].write(image)
            return [writer.finish() for writer in writers.values()]

    def _render(
        self,
        item: Item,
        outputs: Sequence[Output],
        resize: bool,
        black_hot: bool,
        memory: FrameMemory | None = None,
    ) -> Fused:
        """Computes the outputs of an item, whose files are read once; with a memory it is the frame of a video."""
        sources = self._read(item, resize, black_hot)
        images = self._decode(item.name, sources, set(outputs) != {'fused'}, 'share' in outputs, memory)
        if 'panel' in outputs:
            images['panel'] = draw_panel(sources, images)
        return Fused(item.name, {name: images[name] for name in outputs})

    def _black_hot(self, items: Sequence[Item]) -> bool:
        """Whether hot is dark in the infrared images of a series."""
        return self.reading['thermal'] and tell_black_hot(items, self.polarity, self.reading['thermal_range'])

    def _read(self, item: Item, resize: bool, black_hot: bool) -> list[np.ndarray]:
        """Reads the sources, H×W×3 uint8 BGR of one size; hot is bright in infrared images."""
        images = item.read(**self.reading)
        return to_first_size(to_white_hot(images, black_hot) if self.reading['thermal'] else images, item.name, resize)

    def _decode(
        self,
        name: str,
        sources: Sequence[np.ndarray],
        parts: bool,
        share: bool = False,
        memory: FrameMemory | None = None,
    ) -> dict[str, np.ndarray]:
        """Computes the fused image, and on demand the parts and the share of the first source, in BGR."""
        first, *others = (to_tensor(reverse_channels(source)).to(self.device) for source in sources)
        try:
            pixels = self.network_pixels or (VIDEO_PIXELS if memory else None)
            for other in others[:-1]:
                first = self.model.fuse(Pair(first, other), network_pixels=pixels).expand(3, -1, -1)
            pair = Pair(first, others[-1] if others else first)
            if share:
                explained = self.model.explain(pair, memory)
                images = explained.images._asdict() | {'share': resample(explained.share, pair.a).clip(0, 1)}
            else:
                images = self.model.fuse(pair, parts, pixels, memory)
                images = images._asdict() if parts else {'fused': images}
        except ValueError as error:
            raise ValueError(f'{name}: {error}') from None
        if not others:
            images['fused'] = luma(first) if self.model.colour == 'grey' else first
        return {name: reverse_channels(to_picture(image)) for name, image in images.items()}
