"""Predictions and drawings for any pairs; imports no torch, as deployed models run without it."""

import itertools
import os
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Any

import cv2
import numpy as np

from mmdefusion.utils.files import make_writable, write_image
from mmdefusion.utils.progress import track
from mmdefusion.utils.shards import take_shard
from mmdefusion.utils.video_reader import VideoFrames
from mmdefusion.utils.video_writer import VideoWriter
from mmdefusion.visualization import contact_sheet

from .fusing import NAMES_AT_FAULT, Fusing, name_at_fault
from .outputs import NotAllDone, refuse_overwriting
from .sources import Item, Source, frame_items, is_video, list_items, refuse_suffixes

DRAWING = Lock()  # the toolboxes' visualizers draw with matplotlib, on one canvas of each inferencer


class CannotShow(Exception):
    """One prediction, or its drawing, cannot be made or written, which says nothing of the next.

    Attributes:
        reason: what is raised, or gathered with those of other pairs.
    """

    def __init__(self, reason: Exception) -> None:
        self.reason = reason


@contextmanager
def told_by_name(name: str) -> Iterator[None]:
    """Raises CannotShow where a file cannot be written because of its name; of others, the next would fail too."""
    try:
        yield
    except OSError as error:
        if error.errno not in NAMES_AT_FAULT:
            raise
        raise CannotShow(name_at_fault(name, error)) from None


@dataclass(frozen=True)
class Series:
    """Pairs of images, or the frames of two videos.

    Attributes:
        items: the pairs; frames come once, as they are read.
        count: how many there are; 0 of videos whose headers do not say it.
        video: name of the videos; None of images.
        rate: frames per second of the videos.
    """

    items: Sequence[Item] | Iterator[Item]
    count: int
    video: str | None = None
    rate: float | None = None

    def peek(self) -> tuple[Sequence[Item], 'Series']:
        """The pairs that tell of the series, all images or the first frame, and the series with them."""
        if not self.video:
            return self.items, self
        first = list(itertools.islice(self.items, 1))
        return first, replace(self, items=itertools.chain(first, self.items))


def list_series(visible: Source, infrared: Source, suffixes: Sequence[str], skip_unmatched: bool) -> Series:
    """Lists what belongs together in two sources, see :meth:`Predicting.run`."""
    sources = [visible, infrared]
    if not all(map(is_video, sources)):
        items = list_items(sources, suffixes, skip_unmatched=skip_unmatched)
        return Series(items, len(items))
    refuse_suffixes(suffixes)
    frames = VideoFrames(sources)
    return Series(frame_items(frames, frames.name), len(frames), frames.name, frames.rate)


@contextmanager
def open_video(folder: Path | None, series: Series) -> Iterator[VideoWriter | None]:
    """The video of drawings, which is finished at the end; None without a folder, or where the series is of images."""
    if not (folder and series.video):
        yield None
        return
    with VideoWriter(make_writable(folder / 'vis') / f'{series.video}.mp4', series.rate) as writer:
        yield writer
        writer.finish()


def write_drawing(item: Item, drawing: np.ndarray, folder: Path, writer: VideoWriter | None) -> None:
    """Writes a drawing into the video, or to a file of its own.

    Raises:
        CannotShow: if the file cannot have the name of the item.
    """
    if writer:
        writer.write(drawing)
        return
    with told_by_name(item.name):
        write_image(folder / 'vis' / f'{item.name}.png', drawing)


class Predicting:
    """What all detectors and segmenters of pairs share.

    Attributes:
        show_progress: whether to show a progress bar on terminals.
        fuser: makes the fused image of drawings; None leaves it out.
        suffix: suffix of the files of predictions.
        reading: arguments of :meth:`Item.read`.
    """

    suffix: str
    reading: dict
    show_progress: bool
    fuser: Fusing | None

    def run(
        self,
        visible: Source,
        infrared: Source,
        batch_size: int = 1,
        out_dir: str | os.PathLike | None = None,
        return_vis: bool = False,
        resize: bool = False,
        raw: bool = False,
        suffixes: Sequence[str] = (),
        skip_unmatched: bool = False,
        keep: bool = True,
        resume: bool = False,
        shard: str | None = None,
    ) -> dict[str, list] | dict[str, int]:
        """Predicts for the matching images of both sources, see :meth:`PairedInferencing.__call__`.

        Args:
            visible, infrared, batch_size, out_dir, return_vis, resize, suffixes, skip_unmatched, keep, resume, shard:
                as there.
            raw: whether to return what :meth:`predict` gives instead of plain data.

        Raises:
            ValueError: if ``batch_size`` is less than 1, a file would overwrite a source or another file, there are
                suffixes and not both sources are folders, drawings shall be returned and not kept, or there is a shard
                of a video or one that is none.
            NotAllDone: at the end, if some of several pairs cannot be read, drawn or written. A prediction whose
                drawing alone is at fault is written and in the results, with None as its drawing.
        """
        if return_vis and not keep:
            raise ValueError('return_vis=True with keep=False: drawings that are not kept cannot be returned.')
        if batch_size < 1:
            raise ValueError(f'batch_size={batch_size} pairs must be at least 1.')
        folder = None if out_dir is None else make_writable(out_dir)
        series = list_series(visible, infrared, suffixes, skip_unmatched)
        drawn, black_hot = bool(folder or return_vis), None
        if self.fuser and drawn:  # one polarity for all of a series, as in fusing
            first, series = series.peek()
            black_hot = self.fuser.tell_black_hot(first)
        if folder:
            self._refuse_overwriting(folder, series, [visible, infrared])
        alone = series.video or series.count == 1
        series = self._remaining(series, shard, folder if resume else None)
        batches = -(-series.count // batch_size)
        progress = track(chunks(series.items, batch_size), 'predicting', total=batches, show=self.show_progress)
        # a video without some of its frames would be another video
        failures: dict[str, Exception] | None = None if alone else {}
        results, done = dict(predictions=[], visualization=[]), 0
        with open_video(folder, series) as writer:
            for item, sample in self.predict(progress, resize, failures):
                drawing, written = None, not folder
                try:  # the prediction first, which does not depend on its drawing
                    if folder:
                        with told_by_name(item.name):
                            self.save(sample, folder / 'preds' / f'{item.name}{self.suffix}')
                        written = True
                    drawing = self._drawn(item, sample, black_hot) if drawn else None
                    if folder:
                        write_drawing(item, drawing, folder, writer)
                except CannotShow as error:
                    if failures is None:
                        raise error.reason from None
                    failures[item.name] = error.reason
                done += written
                if keep and written:
                    results['predictions'].append(sample if raw else self.plain(sample))
                    results['visualization'] += [drawing] if return_vis else []
        results = results if keep else dict(count=done)
        if failures:
            raise NotAllDone(failures, results)
        return results

    def _refuse_overwriting(self, folder: Path, series: Series, sources: Sequence[Source]) -> None:
        """Raises a ValueError if a file would overwrite a source or another file."""
        if series.video:
            refuse_overwriting([os.path.join(folder, 'vis', f'{series.video}.mp4')], sources)
            return
        targets = [target for item in series.items for target in self._targets(folder, item)]
        refuse_overwriting(targets, [image for item in series.items for image in item.images])

    def _targets(self, folder: Path, item: Item) -> list[str]:
        """The files of an image."""
        ends = ('vis', '.png'), ('preds', self.suffix)
        return [os.path.join(folder, place, f'{item.name}{end}') for place, end in ends]

    def _remaining(self, series: Series, shard: str | None, done: Path | None) -> Series:
        """A shard of a series, without what has its files in a folder; a video has its name once it is whole."""
        if series.video:
            if shard:
                raise ValueError(f'shard={shard!r}: videos are predicted whole, leave it out.')
            return Series([], 0) if done and (done / 'vis' / f'{series.video}.mp4').is_file() else series
        items = take_shard(series.items, shard)
        if done:
            items = [item for item in items if not all(map(os.path.isfile, self._targets(done, item)))]
        return Series(items, len(items))

    def _drawn(self, item: Item, sample: Any, black_hot: bool | None) -> np.ndarray:
        try:
            return self.draw(item, sample, black_hot)
        except (OSError, ValueError) as error:
            raise CannotShow(error) from None
        except cv2.error:  # its text is of its source
            raise CannotShow(ValueError(f'{item.name}: OpenCV cannot draw on it.')) from None

    @abstractmethod
    def predict(
        self, batches: Iterable[list[Item]], resize: bool = False, failures: dict[str, Exception] | None = None
    ) -> Iterator[tuple[Item, Any]]:
        """Each pair with its prediction.

        Args:
            batches: of pairs.
            resize: see :meth:`run`.
            failures: gets what is wrong with pairs that cannot be read, by their names; None: the first one is raised.
        """

    def draw(self, item: Item, sample: Any, black_hot: bool | None = None) -> np.ndarray:
        """The prediction on the visible, the infrared and, where asked for, the fused picture, side by side; BGR.

        Hot is dark in infrared images if ``black_hot``; None asks the pair itself, where it is fused.
        """
        visible, infrared = item.read(**self.reading)
        pictures = {'visible': visible, 'infrared': cv2.resize(infrared, visible.shape[1::-1])}
        if self.fuser:
            pair = Item(item.name, (visible, infrared), item.series)
            fused = self.fuser.fuse(pair, resize=True, black_hot=black_hot)
            pictures['fused'] = fused.images['fused']
        with DRAWING:
            drawings = [self.draw_on(picture, sample) for picture in pictures.values()]
        return contact_sheet([drawings], list(pictures))

    @abstractmethod
    def draw_on(self, picture: np.ndarray, sample: Any) -> np.ndarray:
        """Draws the prediction on an image (BGR); returns BGR."""

    @abstractmethod
    def plain(self, sample: Any) -> Any:
        """The prediction as plain data."""

    @abstractmethod
    def save(self, sample: Any, path: Path) -> None:
        """Writes the prediction to a file."""


def write_labels(path: Path, labels: np.ndarray, classes: int) -> None:
    """Writes a label map H×W as PNG, of 8 bits or, of a network with more than 256 classes, of 16."""
    write_image(path, in_few_bits(labels, classes))


def in_few_bits(labels: np.ndarray, classes: int) -> np.ndarray:
    """A label map as uint8 or, where there are more than 256 classes, as uint16: whole series are held in memory."""
    few = max(classes, int(labels.max(initial=0)) + 1) <= 256
    return labels.astype(np.uint8 if few else np.uint16)


def chunks(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """So many at a time."""
    iterator = iter(items)
    while chunk := list(itertools.islice(iterator, size)):
        yield chunk
