"""What people want fused: arrays, files, lists, globs, folders and videos."""

import glob
import itertools
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mmdefusion.datasets.fusion import match_stems
from mmdefusion.datasets.image_io import read_image, to_channels, to_uint8

Image = str | os.PathLike | np.ndarray  # a file or URL, or an array H×W or H×W×3, BGR
Source = Image | Sequence[Image] | None

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

    def read(self) -> list[np.ndarray]:
        """All of them, H×W×3 uint8 BGR, at their own sizes.

        Raises:
            OSError: if a file is not there.
            ValueError: if one cannot be read as an image.
        """
        return [_read(image, f'image {position} of {self.name}') for position, image in enumerate(self.images, 1)]


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
    return [Item(_name(images[0], place), images) for place, images in enumerate(zip(*lists, strict=True))]


def is_video(source: Source) -> bool:
    """Whether a source is a video file."""
    return isinstance(source, str | os.PathLike) and Path(source).suffix.lower() in VIDEO_SUFFIXES


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
        self.counts = [int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) for capture in self.captures]

    def __len__(self) -> int:
        return min(self.counts)

    def __iter__(self) -> Iterator[Item]:
        for place in itertools.count():
            captured = [capture.read() for capture in self.captures]
            if not all(there for there, _ in captured):
                return
            yield Item(f'{self.name}_{place:06d}', tuple(frame for _, frame in captured))


def _is_folder(source: Source) -> bool:
    return isinstance(source, str | os.PathLike) and os.path.isdir(source)


def _as_list(source: Image | Sequence[Image]) -> list[Image]:
    if isinstance(source, list | tuple):
        return list(source)
    if isinstance(source, str) and glob.has_magic(source) and not os.path.exists(source):
        found = sorted(glob.glob(source, recursive=True))
        if not found:
            raise FileNotFoundError(f'No file matches {source}.')
        return found
    return [source]


def _name(image: Image, place: int) -> str:
    return Path(image).stem if isinstance(image, str | os.PathLike) else f'{place:06d}'


def _read(image: Image, name: str) -> np.ndarray:
    if isinstance(image, np.ndarray):
        if image.dtype.kind == 'f' and image.size and np.isfinite(image).all() and (image.min() < 0 or image.max() > 1):
            raise ValueError(f'{name} is a float array with values outside 0 to 1: scale it, or give uint8 or uint16.')
        image = to_uint8(image, name, fixed_range=(0.0, 1.0) if image.dtype.kind == 'f' else None)
        return to_channels(image, 3, name)
    return read_image(os.fspath(image), channels=3)
