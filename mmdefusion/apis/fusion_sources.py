"""What people want fused: arrays, files, lists, globs, folders and videos."""

import glob
import itertools
import os
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mmdefusion.datasets.stems import match_stems
from mmdefusion.utils.image_io import FULL, read_image, to_channels, to_uint8

Image = str | os.PathLike | np.ndarray  # a file or URL, or an array H×W or H×W×3, BGR
Source = Image | Sequence[Image] | None
Range = tuple[float, float]

VIDEO_SUFFIXES = ('.mp4', '.avi', '.mov', '.mkv', '.m4v', '.mpg', '.mpeg', '.webm')


@dataclass(frozen=True)
class Item:
    """Images that become one.

    Attributes:
        name: of the result, without extension: that of the first image, relative to its folder.
        images: to fuse, the first one first.
    """

    name: str
    images: tuple[Image, ...]

    def read(self, thermal: bool = True, thermal_range: Range | None = None) -> list[np.ndarray]:
        """All of them, H×W×3 uint8 BGR, at their own sizes.

        Args:
            thermal: whether 16-bit images but for the first hold thermal counts. Those are scaled between percentiles
                of their own, other 16-bit images from their full range.
            thermal_range: counts that become 0 and 255 in all thermal images, in place of percentiles.

        Raises:
            OSError: if a file is not there.
            ValueError: if one cannot be read as an image.
        """
        return [
            _read(image, f'image {position} of {self.name}', thermal_range if thermal and position > 1 else FULL)
            for position, image in enumerate(self.images, 1)
        ]


def list_items(sources: Sequence[Source], suffixes: Sequence[str] = ()) -> list[Item]:
    """What belongs together: of folders the files of equal names, of lists and globs those at equal places.

    Args:
        sources: two or more, all of one kind; None is left out.
        suffixes: of the names in each folder, as in :func:`match_stems`.

    Raises:
        FileNotFoundError: if a file or folder is not there.
        ValueError: if the sources do not match.
    """
    sources = [source for source in sources if source is not None]
    if not sources:
        raise ValueError('There is nothing to fuse: give two images, folders or lists.')
    if all(_is_folder(source) for source in sources):
        return [Item(name, paths) for name, paths in match_stems(sources, suffixes).items()]
    lists = [_as_list(source) for source in sources]
    counts = [len(images) for images in lists]
    if len(set(counts)) > 1:
        raise ValueError(f'The sources have {", ".join(map(str, counts))} images: give one partner for each.')
    return [Item(name, tuple(images)) for name, *images in zip(_names(lists[0]), *lists, strict=True)]


def is_video(source: Source) -> bool:
    """Whether a source is a video file."""
    return _is_path(source) and not _is_glob(source) and Path(source).suffix.lower() in VIDEO_SUFFIXES


class VideoFrames:
    """Frames of several videos in step, until the shortest ends.

    Args:
        paths: of the videos.

    Raises:
        ValueError: if one cannot be opened.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        self.captures = [cv2.VideoCapture(str(path)) for path in paths]
        for path, capture in zip(paths, self.captures, strict=True):
            if not capture.isOpened():
                raise ValueError(f'{path} is no video that OpenCV can open.')
        self.name = Path(paths[0]).stem
        self.rate = self.captures[0].get(cv2.CAP_PROP_FPS) or 25.0
        self.counts = [max(0, int(capture.get(cv2.CAP_PROP_FRAME_COUNT))) for capture in self.captures]
        if len(set(self.counts)) > 1:
            warnings.warn(f'The videos have {self.counts} frames: the shortest ends the result.', stacklevel=2)

    def __len__(self) -> int:
        return min(self.counts)

    def __iter__(self) -> Iterator[Item]:
        for place in itertools.count():
            captured = [capture.read() for capture in self.captures]
            if not all(there for there, _ in captured):
                return
            yield Item(f'{self.name}_{place:06d}', tuple(frame for _, frame in captured))


def _is_path(source: Source) -> bool:
    return isinstance(source, str | os.PathLike)


def _is_folder(source: Source) -> bool:
    return _is_path(source) and os.path.isdir(source)


def _is_glob(source: str | os.PathLike) -> bool:
    return glob.has_magic(os.fspath(source)) and '://' not in os.fspath(source) and not os.path.exists(source)


def _as_list(source: Image | Sequence[Image]) -> list[Image]:
    if isinstance(source, list | tuple):
        return list(source)
    if _is_folder(source):
        raise ValueError(f'{source} is a folder, and not all other sources are: give folders only, or a glob.')
    if _is_path(source) and _is_glob(source):
        found = sorted(glob.glob(os.fspath(source), recursive=True))
        if not found:
            raise FileNotFoundError(f'No file matches {source}.')
        return found
    return [source]


def _names(images: Sequence[Image]) -> list[str]:
    """Of files their path below the folder that all of them share, without extension; of arrays their place."""
    paths = [_absolute(image) if _is_path(image) else None for image in images]
    folders = {os.path.dirname(path) for path in paths if path is not None}
    shared = os.path.commonpath(folders) if folders else ''
    return [
        f'{place:06d}' if path is None else os.path.splitext(os.path.relpath(path, shared))[0]
        for place, path in enumerate(paths)
    ]


def _absolute(path: str | os.PathLike) -> str:
    """Also of a URL, whose host counts as a folder."""
    return os.path.abspath(os.fspath(path).replace('://', '/'))


def _read(image: Image, name: str, fixed_range: Range | None) -> np.ndarray:
    if not _is_path(image) and not isinstance(image, np.ndarray):
        raise ValueError(f'{name} is a {type(image).__name__}: give a path or an array.')
    if isinstance(image, np.ndarray):
        if not image.size:
            raise ValueError(f'{name} is empty: its shape is {image.shape}.')
        if image.dtype.kind == 'f' and np.isfinite(image).all() and (image.min() < 0 or image.max() > 1):
            raise ValueError(f'{name} is a float array with values outside 0 to 1: scale it, or give uint8 or uint16.')
        image = to_uint8(image, name, fixed_range=(0.0, 1.0) if image.dtype.kind == 'f' else fixed_range)
        return to_channels(image, 3, name)
    return read_image(os.fspath(image), channels=3, fixed_range=fixed_range)
