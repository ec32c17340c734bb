"""Fuses images, folders and videos."""

import os
import warnings
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import torch
from mmengine.config import ConfigDict
from mmengine.infer import BaseInferencer
from rich.progress import track
from torch import Tensor

from mmdefusion.models.fusers import PictureFuser
from mmdefusion.models.fusers.picture_fuser import Colour, to_picture
from mmdefusion.models.fusers.targets import Target
from mmdefusion.models.layers.colour import luma
from mmdefusion.models.structures import Pair
from mmdefusion.utils.files import make_writable, write_image
from mmdefusion.utils.image_io import check_scaling
from mmdefusion.visualization import contact_sheet

from .loading import load_fuser, shipped_weights
from .outputs import Fused, NotAllFused, Output, path, refuse_overwriting, refuse_sources
from .sources import Item, Source, is_video, list_items, refuse_folding
from .video_reader import VideoFrames
from .video_writer import VideoWriter

Task = Literal['ivf', 'mef', 'mff']

# What suits each task: infrared-visible, multi-exposure and multi-focus pairs. Where one source is out of focus the
# other has all of the detail, and exposures have enough of it: none has to be made up for. Contrast says little of
# exposure, so there the network chooses alone.
TASKS: dict[str, dict] = {
    'ivf': dict(colour='luma', detail=dict(type='mmdefusion.ResidualDetail')),
    'mef': dict(
        colour='rgb',
        detail=dict(type='mmdefusion.ResidualDetail', boost=0.0, sharpness=1.0, contrast=0.0, brightness=0.0),
    ),
    'mff': dict(colour='rgb', detail=dict(type='mmdefusion.ResidualDetail', boost=0.0, brightness=0.0)),
}
DISTORTION = 0.02  # of height against width, from which on resizing is worth a warning
TITLES = {'fused': 'fused', 'common': 'common', 'unique_a': 'unique to the first', 'unique_b': 'unique to the second'}


class FusionInferencer(BaseInferencer):
    """Fuses infrared and visible images (ivf), exposures (mef) or foci (mff).

    Pictures have any size, so what a batch holds is windows of one picture, not pictures.

    Args:
        weights: file or URL of a pretrained network; the weights that come with the package where none is given.
        config: config file, for weights that carry none.
        task: chooses what suits the kind of images for ``colour`` and ``detail``.
        colour: ``'luma'``, ``'rgb'`` or ``'grey'``, see :class:`PictureFuser`.
        detail: ``'residual'`` takes texture from the source that the network follows (:class:`ResidualDetail`), None
            gives the network's plain output.
        target: what becomes of people, cars and skies: ``'keep'``, ``'highlight'`` or ``'off'``, see
            :class:`PictureFuser`; infrared and visible images only.
        windows: options of :class:`Windows`, such as ``dict(size=224, batch_size=8)``.
        device: the best one there is, by default.
        thermal_range: counts of 16-bit infrared images that become black and white; without it each image's own
            percentiles. Other 16-bit images are taken over their full range.
        show_progress: whether a bar is drawn.

    Raises:
        FileNotFoundError: if the weights are not there.
        ValueError: if they are not those of a fuser.
    """

    def __init__(
        self,
        weights: str | None = None,
        config: str | None = None,
        task: Task = 'ivf',
        colour: Colour | None = None,
        detail: Literal['residual'] | None = 'residual',
        target: Target = 'off',
        windows: dict | None = None,
        device: str | None = None,
        show_progress: bool = True,
        thermal_range: tuple[float, float] | None = None,
    ) -> None:
        check_scaling((1.0, 99.0), thermal_range)
        self.reading = dict(thermal=task == 'ivf', thermal_range=thermal_range)
        if task not in TASKS:
            raise ValueError(f'task={task!r} is none of {", ".join(TASKS)}.')
        if detail not in ('residual', None):
            raise ValueError(f"detail={detail!r} is neither 'residual' nor None.")
        if target != 'off' and task != 'ivf':
            raise ValueError(f"target={target!r} needs an infrared and a visible image: task='ivf'.")
        options = dict(TASKS[task], target=target, windows=dict(type='mmdefusion.SlidingWindow', **(windows or {})))
        if colour is not None:
            options['colour'] = colour
        if detail is None:
            options['detail'] = None
        super().__init__(
            dict(options, config=config), weights or shipped_weights(), device, 'mmdefusion', show_progress
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
        """Fuse what belongs together of two or more sources; more than two are folded pairwise.

        What cannot be read or fused does not stop the rest.

        Args:
            sources: files, URLs, arrays (H×W or H×W×3 BGR), lists of them, globs, folders or videos.
            out_dir: writes ``NAME.png`` for the fused image and ``NAME_OUTPUT.png`` for others, or a video.
            outputs: ``'fused'``, ``'common'``, ``'unique_a'``, ``'unique_b'``, and ``'panel'`` with all of them.
            resize: bring the others to the size of the first.
            resume: skip what is in ``out_dir`` already.
            suffixes: tell the files of folders apart, such as ``('_A', '_B')``.
            fold: make one picture of more than nine single files, or of several from several folders, which may also
                be what a shell has made of unquoted patterns.
            skip_unmatched: leave out files of folders and globs that lack a partner of the same name.

        Returns:
            The paths written, or without ``out_dir`` the results.

        Raises:
            OSError: if ``out_dir`` cannot be written, or the only item is not there.
            ValueError: if the sources do not match, or the only item cannot be fused.
            NotAllFused: in the end, if some of several items are not there or cannot be fused.
        """
        if unknown := set(outputs) - {*TITLES, 'panel'}:
            raise ValueError(f'outputs={sorted(unknown)} are none of {", ".join([*TITLES, "panel"])}.')
        folder = None if out_dir is None else make_writable(out_dir)
        given = [source for source in sources if source is not None]
        if given and all(is_video(source) for source in given):
            if folder is None:
                raise ValueError('Videos are written, not returned: give out_dir.')
            if not fold:
                refuse_folding(given)
            return self._fuse_video(given, outputs, resize, folder, resume)
        items = list_items(sources, suffixes, fold, skip_unmatched)
        if folder is not None:
            refuse_overwriting(items, folder, outputs)
        if folder is not None and resume:
            items = [item for item in items if not all(path(folder, item.name, name).is_file() for name in outputs)]
        results, failures = [], {}
        for item in self._track(items):
            try:
                fused = self.fuse(item, outputs, resize)
            except (OSError, ValueError) as error:
                if len(items) == 1:
                    raise
                failures[item.name] = error
            else:  # not tried: where one file cannot be written, the next cannot either
                results += [fused] if folder is None else self.postprocess(fused, folder)
        if failures:
            raise NotAllFused(failures, results)
        return results

    def fuse(
        self, item: Item, outputs: Sequence[Output] = ('fused',), resize: bool = False, warn_alone: bool = True
    ) -> Fused:
        """Fuse the images of one item; warns where there is only one.

        Raises:
            OSError: if a file is not there.
            ValueError: if one cannot be read, or the sizes differ; the message names the item.
        """
        pictures = self.preprocess(item, resize)
        if len(pictures) == 1 and warn_alone:
            warnings.warn(f'{item.name} has no partner: it comes back as it is.', stacklevel=2)
        try:
            drawn = self.forward(pictures, parts=set(outputs) != {'fused'})
        except ValueError as error:
            raise ValueError(f'{item.name}: {error}') from None
        images = {name: to_bgr(to_picture(image)) for name, image in drawn.items()}
        if 'panel' in outputs:
            images['panel'] = self.visualize(item.read(**self.reading), images)
        return Fused(item.name, {name: images[name] for name in outputs})

    def preprocess(self, item: Item, resize: bool = False) -> list[Tensor]:
        """The item's images as 3×H×W RGB in [0, 1].

        Raises:
            ValueError: if sizes differ and ``resize`` is not set.
        """
        first, *others = item.read(**self.reading)
        height, width = first.shape[:2]
        for position, other in enumerate(others):
            if other.shape[:2] != first.shape[:2]:
                if not resize:
                    raise ValueError(
                        f'{item.name}: the images are {width}x{height} and {other.shape[1]}x{other.shape[0]}. Align '
                        'them, or bring them to the size of the first with resize=True (--resize).'
                    )
                if abs(np.log(other.shape[1] * height / other.shape[0] / width)) > DISTORTION:
                    warnings.warn(f'{item.name}: image {position + 2} is stretched to another shape.', stacklevel=3)
                shrinks = other.shape[0] > height
                method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
                others[position] = cv2.resize(other, (width, height), interpolation=method)
        return [to_tensor(image).to(self.device) for image in (first, *others)]

    def forward(self, inputs: Sequence[Tensor], parts: bool = True) -> dict[str, Tensor]:
        """Fuse the first picture with the second, the result with the third and so on; a single one stays as it is.

        Args:
            inputs: 3×H×W each, RGB in [0, 1].
            parts: draw what the last two have in common, and what only one of them has.

        Returns:
            Images by the names of :class:`FusedImages`, or ``fused`` alone.
        """
        first, *others = inputs
        for other in others[:-1]:
            first = self.model.fuse_picture(Pair(first, other)).expand(3, -1, -1)
        pair = Pair(first, others[-1] if others else first)
        drawn = self.model.fuse_pictures(pair)._asdict() if parts else {'fused': self.model.fuse_picture(pair)}
        return drawn if others else drawn | {'fused': luma(first) if self.model.colour == 'grey' else first}

    def visualize(self, inputs: Sequence[np.ndarray], preds: dict[str, np.ndarray]) -> np.ndarray:
        """One picture with sources, parts and fused image, BGR."""
        titles = [f'source {position}' for position in range(1, len(inputs) + 1)]
        pictures = [*inputs, *(preds[name] for name in TITLES)]
        return contact_sheet([pictures], [*titles, *TITLES.values()], width=min(320, inputs[0].shape[1]))

    def postprocess(self, preds: Fused, visualization: Path) -> list[Path]:
        """Write a result into the folder ``visualization``: a file is there whole or not at all."""
        return [write_image(path(visualization, preds.name, name), image) for name, image in preds.images.items()]

    def _init_model(self, cfg: ConfigDict, weights: str, device: str) -> PictureFuser:
        """The options of pictures around the network that the weights' own config describes."""
        self.device = device
        return load_fuser(weights, device=device, **cfg)

    # BaseInferencer has one input and a data set's pipeline; here are several, and preprocess reads what lies anywhere
    def _init_pipeline(self, cfg: ConfigDict) -> None:
        """None."""

    def _init_collate(self, cfg: ConfigDict) -> None:
        """None."""

    def _init_visualizer(self, cfg: ConfigDict) -> None:
        """None: :meth:`visualize` draws the panel."""

    def _fuse_video(
        self, sources: Sequence[str], outputs: Sequence[Output], resize: bool, folder: Path, resume: bool
    ) -> list[Path]:
        frames = VideoFrames(sources)
        targets = {name: path(folder, frames.name, name, '.mp4') for name in outputs}
        refuse_sources(targets.values(), sources)
        if resume and all(target.is_file() for target in targets.values()):
            return []
        if len(sources) == 1:
            warnings.warn(f'{frames.name} has no partner: it comes back as it is.', stacklevel=3)
        with ExitStack() as stack:
            writers = {name: stack.enter_context(VideoWriter(to, frames.rate)) for name, to in targets.items()}
            for item in self._track(frames):
                for name, image in self.fuse(item, outputs, resize, warn_alone=False).images.items():
                    writers[name].write(image)
            return [writer.finish() for writer in writers.values()]

    def _track(self, items: Sequence[Item] | VideoFrames) -> Iterable[Item]:
        return track(items, 'fusing', total=len(items)) if self.show_progress else items


def to_tensor(image: np.ndarray) -> Tensor:
    """H×W×3 uint8 BGR to 3×H×W RGB in [0, 1]."""
    return torch.from_numpy(image[..., ::-1].copy()).permute(2, 0, 1).float() / 255


def to_bgr(picture: np.ndarray) -> np.ndarray:
    """H×W×3 RGB or H×W, as OpenCV writes it."""
    return picture if picture.ndim == 2 else picture[..., ::-1].copy()
