"""Fuses images, folders and videos with any network; imports no torch, as deployed networks run without it."""

import errno
import os
import warnings
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path

import numpy as np

from mmdefusion.rules.memory import FrameMemory
from mmdefusion.utils.files import make_writable
from mmdefusion.utils.progress import track
from mmdefusion.utils.shards import take_shard
from mmdefusion.utils.threads import map_in_threads
from mmdefusion.utils.video_reader import VideoFrames
from mmdefusion.utils.video_writer import VideoWriter

from .infrared import Polarity, tell_black_hot, to_white_hot, warn_of_idle_range
from .outputs import Fused, NotAllDone, Output, OutputFolder, check_outputs, draw_panel
from .sizes import to_first_size
from .sources import Image, Item, Source, frame_items, is_video, list_items, refuse_folding, refuse_suffixes

NAMES_AT_FAULT = (errno.ENAMETOOLONG, errno.EILSEQ)


class Fusing(ABC):
    """What all fusers of images, folders and videos share.

    Attributes:
        reading: arguments of :meth:`Item.read`.
        polarity: whether hot is bright or dark in infrared images, or ``'auto'`` to tell it by the images.
        show_progress: whether to show a progress bar on terminals.
    """

    reading: dict
    polarity: Polarity
    show_progress: bool

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
        shard: str | None = None,
        workers: int = 1,
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
            shard: ``'i/n'`` fuses every n-th item from the i-th on, so that n processes or machines share a series.
            workers: items that are read, fused and written at once, each in a thread of its own and, on a CPU, with
                its share of the cores. The results are the same, and memory grows with it. A video takes one.

        Returns:
            The written paths, or without ``out_dir`` the results.

        Raises:
            OSError: if ``out_dir`` cannot be written to, or the only item does not exist.
            ValueError: if the sources do not match, the only item cannot be fused, or ``workers`` is less than 1.
            NotAllDone: at the end, if some of several items do not exist or cannot be fused.
        """
        check_outputs(outputs)
        folder = None if out_dir is None else make_writable(out_dir)
        given = [source for source in sources if source is not None]
        if given and all(is_video(source) for source in given):
            if folder is None:
                raise ValueError('Videos are written, not returned: give out_dir.')
            if shard:
                raise ValueError(f'shard={shard!r}: videos are fused whole, leave it out.')
            refuse_suffixes(suffixes)
            if not fold:
                refuse_folding(given)
            return self._fuse_videos(given, OutputFolder(folder, outputs, '.mp4'), resize, resume)
        items = list_items(given, suffixes, fold, skip_unmatched)
        wanted, target = take_shard(items, shard), None
        if folder is not None:
            target = OutputFolder(folder, outputs)
            target.refuse_overwriting([item.name for item in items], [image for item in items for image in item.images])
        if target and resume:
            wanted = [item for item in wanted if not target.holds(item.name)]
        return self._fuse_items(wanted, items, outputs, resize, target, workers)

    def fuse(
        self,
        pair: Item | Sequence[Image],
        parts: bool = False,
        resize: bool = False,
        black_hot: bool | None = None,
        share: bool = False,
    ) -> Fused:
        """Fuses two sources; with more than two, each result is fused with the next.

        Args:
            pair: the sources, as files or arrays; a single source is returned as it is.
            parts: whether to decode the common and unique images of the last two too.
            resize: whether to resize the other images to the size of the first.
            black_hot: whether hot is dark in infrared images (:meth:`tell_black_hot`); None asks this pair alone.
            share: whether to tell which source the network follows where.

        Returns:
            The images by name, H×W×3 (BGR) or H×W, uint8.

        Raises:
            OSError: if a file does not exist.
            ValueError: if an image cannot be read, or the sizes differ; the message names the item.
        """
        item = pair if isinstance(pair, Item) else Item('pair', tuple(pair))
        return Fused(item.name, self._decode(item.name, self.read(item, resize, black_hot), parts, share))

    def read(self, item: Item, resize: bool = False, black_hot: bool | None = None) -> list[np.ndarray]:
        """Reads the sources of an item as they are fused: hot is bright in infrared images, and they are grey.

        What is read can be fused with ``black_hot=False``, and scored and drawn beside the result.

        Args:
            item: the sources, as files or arrays.
            resize, black_hot: see :meth:`fuse`.

        Returns:
            H×W×3 uint8 BGR of one size.

        Raises:
            OSError, ValueError: see :meth:`fuse`.
        """
        if black_hot is None:
            (item,), black_hot = self._open([item], [item])
        images = item.read(**self.reading)
        images = to_white_hot(images, black_hot) if self.reading['thermal'] else images
        return to_first_size(images, item.name, resize, series=item.series)

    def _fuse_items(
        self,
        items: Sequence[Item],
        series: Sequence[Item],
        outputs: Sequence[Output],
        resize: bool,
        target: OutputFolder | None,
        workers: int,
    ) -> list[Fused] | list[Path]:
        (items, black_hot), results, failures = self._open(items, series), [], {}

        def fuse(item: Item) -> list[Fused] | list[Path] | OSError | ValueError:
            if len(item.images) == 1:
                warnings.warn(f'{item.name} has no partner: it is returned as it is.', stacklevel=1)
            try:
                fused = self._render(item, outputs, resize, black_hot)
            except (OSError, ValueError) as error:
                return error
            try:
                return target.write(fused) if target else [fused]
            except OSError as error:
                if error.errno not in NAMES_AT_FAULT:
                    raise  # the next file could not be written either
                return name_at_fault(item.name, error)

        done = map_in_threads(fuse, items, workers)
        with self._shared_cores(max(1, min(workers, len(items)))):
            for item, found in zip(items, track(done, 'fusing', len(items), self.show_progress), strict=True):
                if not isinstance(found, Exception):
                    results += found
                elif len(series) == 1:
                    raise found
                else:
                    failures[item.name] = found
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
            warn_of_idle_range(first, self.reading['thermal_range'])
            black_hot, memory = self.tell_black_hot(first), FrameMemory()
            for item in chain(first, items):
                for name, image in self._render(item, target.outputs, resize, black_hot, memory).images.items():
                    writers[name].write(image)
            return [writer.finish() for writer in writers.values()]

    def _render(
        self, item: Item, outputs: Sequence[Output], resize: bool, black_hot: bool, memory: FrameMemory | None = None
    ) -> Fused:
        """Computes the outputs of an item, whose files are read once; with a memory it is the frame of a video."""
        sources = self.read(item, resize, black_hot)
        images = self._decode(item.name, sources, set(outputs) != {'fused'}, 'share' in outputs, memory)
        if 'panel' in outputs:
            images['panel'] = draw_panel(sources, images, still=memory is None)
        return Fused(item.name, {name: images[name] for name in outputs})

    def _open(self, items: Sequence[Item], series: Sequence[Item]) -> tuple[Sequence[Item], bool]:
        """Tells whether hot is dark in the series that items are of; the files of a single one are read once."""
        if items:
            warn_of_idle_range(series, self.reading['thermal_range'])
        if len(items) == len(series) == 1:
            items = series = [replace(items[0], images=tuple(items[0].read(**self.reading)))]
        return items, bool(items) and self.tell_black_hot(series)

    def tell_black_hot(self, items: Sequence[Item]) -> bool:
        """Whether hot is dark in the infrared images of a series, by the polarity or by what they look like."""
        return self.reading['thermal'] and tell_black_hot(items, self.polarity, self.reading['thermal_range'])

    def _shared_cores(self, workers: int) -> AbstractContextManager:
        """A context in which each of so many threads that compute at once takes its share of the cores."""
        return nullcontext()

    @abstractmethod
    def _decode(
        self,
        name: str,
        sources: Sequence[np.ndarray],
        parts: bool,
        share: bool = False,
        memory: FrameMemory | None = None,
    ) -> dict[str, np.ndarray]:
        """Computes the fused image, and on demand the parts and the share of the first source.

        Args:
            name: name of the item.
            sources: H×W×3 uint8 BGR, of one size.
            parts: whether to decode the parts too.
            share: whether to tell which source the network follows where.
            memory: of the video that the sources are a frame of.

        Returns:
            The images by name, BGR or grey, uint8.

        Raises:
            ValueError: if they cannot be fused; the message begins with ``name``.
        """


def name_at_fault(name: str, error: OSError) -> OSError:
    """What to raise where a result cannot be written because of its name alone, which is that of its source."""
    return OSError(f'{name}: a result cannot have such a name ({error.strerror}): rename the source.')
