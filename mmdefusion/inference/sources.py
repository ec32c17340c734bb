"""Reads sources to fuse: arrays, files, lists, globs, folders and videos."""

import os
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmdefusion.utils.image_io import FULL, FixedRange, read_partner, read_stored, to_channels, to_uint8

from .globs import SKIP, find_files, is_glob, match_globs
from .stems import UnmatchedFiles, match_stems

Image = str | os.PathLike | np.ndarray  # a file or URL, or an array H×W or H×W×3, BGR
Source = Image | Sequence[Image] | None

FOLDED_UNASKED = 9  # single files that may become one image without ``fold``: a bracket of exposures has up to nine
# what folders of pairs are called, visible first
PAIRS_OF_FOLDERS = (('visible', 'infrared'), ('vi', 'ir'), ('VI', 'IR'), ('Vis', 'Ir'))
CAMERA_BITS = (8, 10, 12, 14)  # of values that files of 16 bits may hold
VIDEO_SUFFIXES = ('.mp4', '.avi', '.mov', '.mkv', '.m4v', '.mpg', '.mpeg', '.webm')


@dataclass(frozen=True, slots=True)
class Item:
    """Images that are fused into one.

    Attributes:
        name: name of the result: that of the first image relative to its folder, without extension.
        images: the images to fuse, in order.
        series: name of the video of a frame.
    """

    name: str
    images: tuple[Image, ...]
    series: str = ''

    def read(
        self,
        thermal: bool = True,
        thermal_range: FixedRange = None,
        percentiles: Sequence[float] = (1.0, 99.0),
        fourth_channel: bool = False,
    ) -> list[np.ndarray]:
        """Reads all images, H×W×3 uint8 BGR, at their own sizes.

        Args:
            thermal: whether images other than the first are thermal: those of 16 bits and float files are scaled by
                their percentiles; other 16-bit images are scaled from their full range, and float ones from 0 to 1,
                as are float arrays.
            thermal_range: values that become 0 and 255 in all thermal images of 16 bits or floats, arrays too, instead
                of percentiles or 0 to 1; ``'full'`` reads them as if they were not thermal.
            percentiles: those of each thermal image that become 0 and 255.
            fourth_channel: whether one file twice is a pair, with the infrared image in its fourth channel (MFNet).

        Raises:
            OSError: if a file does not exist.
            ValueError: if a file cannot be read as an image.
        """
        paths = [os.fspath(image) for image in self.images if _is_path(image)]
        if fourth_channel and len(paths) == 2 and len(set(paths)) == 1:
            path, scaling = paths[0], (percentiles, thermal_range if thermal else FULL)
            return [_read(path, path, percentiles, FULL), read_partner(path, path, 3, *scaling)]
        return [
            _read(
                image,
                f'image {position} of {self.name}',
                percentiles,
                thermal_range if thermal and position > 1 else FULL,
            )
            for position, image in enumerate(self.images, 1)
        ]


def list_items(
    sources: Sequence[Source], suffixes: Sequence[str] = (), fold: bool = False, skip_unmatched: bool = False
) -> list[Item]:
    """Matches the images of sources: files of folders by name, images of lists and globs by position.

    Args:
        sources: two or more sources of one kind; None is left out.
        suffixes: one suffix for each folder, as in :func:`match_stems`.
        fold: whether many single files may be one item, see :func:`refuse_folding`.
        skip_unmatched: whether to leave out files of folders and globs that have no partner of the same name; files of
            globs are then matched by name.

    Raises:
        FileNotFoundError: if a file or folder does not exist.
        ValueError: if the sources do not match, or there are suffixes and not all sources are folders.
    """
    sources = [source for source in sources if source is not None]
    if not sources:
        raise ValueError('There is nothing to fuse: give two images, folders or lists.')
    refuse_absent(sources)
    if len(sources) == 1:
        refuse_parent(sources[0])
    if all(_is_folder(source) for source in sources):
        return _match_folders(sources, suffixes, skip_unmatched)
    refuse_suffixes(suffixes)
    if not fold:
        refuse_folding(sources)
    lists = [_as_list(source) for source in sources]
    if all(_is_path(source) and is_glob(source) for source in sources):
        lists = match_globs(sources, lists, list(map(_names, lists)), skip_unmatched)
    counts = [len(images) for images in lists]
    if len(set(counts)) > 1:
        raise ValueError(f'The sources have {", ".join(map(str, counts))} images: give one partner for each.')
    return [Item(name, tuple(images)) for name, *images in zip(_names(lists[0]), *lists, strict=True)]


def frame_items(frames: Iterable[Sequence[np.ndarray]], name: str) -> Iterator[Item]:
    """The matching frames of videos as items, named ``NAME_000000`` and so on."""
    return (Item(f'{name}_{place:06d}', tuple(images), name) for place, images in enumerate(frames))


def refuse_absent(sources: Sequence[Source]) -> None:
    """Raises a FileNotFoundError that names the first source that is not there, be it a file or a folder."""
    for source in sources:
        if _is_path(source) and not is_glob(source) and '://' not in os.fspath(source) and not os.path.exists(source):
            raise FileNotFoundError(f'{source} is not there.')


def refuse_folding(sources: Sequence[Source]) -> None:
    """Raises a ValueError if single files that would become one image look like pairs, or are very many.

    A shell replaces an unquoted ``vi/*.jpg ir/*.jpg`` by the names of the files: what was meant as two lists arrives as
    many single images.
    """
    if not all(_is_path(source) and not _is_folder(source) and not is_glob(source) for source in sources):
        return
    folders = Counter(os.path.dirname(source) for source in sources)
    if len(sources) > FOLDED_UNASKED or (len(folders) > 1 and max(folders.values()) > 1):
        raise ValueError(
            f'These {len(sources)} files, {sources[0]} to {sources[-1]}, would be folded into one. For pairs give the '
            "folders, or quotes around each pattern ('vi/*.jpg' 'ir/*.jpg'), or the shell expands them; to "
            'fuse them into one image, set fold=True (--fold).'
        )


def refuse_suffixes(suffixes: Sequence[str]) -> None:
    """Raises a ValueError if there are suffixes, which would not be looked at for other sources than folders."""
    if any(suffixes):
        raise ValueError(
            f'The suffixes {" and ".join(suffixes)} tell files of folders apart, and not all sources are folders: give '
            'folders, or no suffixes (--suffixes).'
        )


def refuse_parent(source: Source) -> None:
    """Raises a ValueError if a single source is the folder of both folders: each image would be alone."""
    for names in PAIRS_OF_FOLDERS:
        if _is_folder(source) and all((Path(source) / name).is_dir() for name in names):
            raise ValueError(f'{source} has the folders {" and ".join(names)}: name both of them.')


def is_video(source: Source) -> bool:
    """Whether a source is a video file."""
    return _is_path(source) and not is_glob(source) and Path(source).suffix.lower() in VIDEO_SUFFIXES


def _is_path(source: Source) -> bool:
    return isinstance(source, str | os.PathLike)


def _is_folder(source: Source) -> bool:
    return _is_path(source) and os.path.isdir(source)


def _as_list(source: Image | Sequence[Image]) -> list[Image]:
    if isinstance(source, list | tuple):
        return list(source)
    if _is_folder(source):
        raise ValueError(f'{source} is a folder, and not all other sources are: give folders only, or a glob.')
    if _is_path(source) and is_glob(source):
        return find_files(source)
    return [source]


def _match_folders(folders: Sequence[str | os.PathLike], suffixes: Sequence[str], skip: bool) -> list[Item]:
    try:
        matched = match_stems(folders, suffixes, skip_unmatched=skip)
    except UnmatchedFiles as error:
        raise ValueError(f'{error} Or {SKIP}.') from None
    return [Item(name, paths) for name, paths in matched.items()]


def _names(images: Sequence[Image]) -> list[str]:
    """Names of results: the path of a file below the common folder, without extension; the position of an array."""
    paths = [_absolute(image) if _is_path(image) else None for image in images]
    folders = {os.path.dirname(path) for path in paths if path is not None}
    shared = os.path.commonpath(folders) if folders else ''
    return [
        f'{place:06d}' if path is None else os.path.splitext(os.path.relpath(path, shared))[0]
        for place, path in enumerate(paths)
    ]


def _absolute(path: str | os.PathLike) -> str:
    """An absolute path, also of a URL, whose host counts as a folder."""
    return os.path.abspath(os.fspath(path).replace('://', '/'))


def _read(image: Image, name: str, percentiles: Sequence[float], fixed_range: FixedRange) -> np.ndarray:
    if not _is_path(image) and not isinstance(image, np.ndarray):
        raise ValueError(f'{name} is a {type(image).__name__}: give a path or an array.')
    if isinstance(image, np.ndarray):
        if not image.size:
            raise ValueError(f'{name} is empty: its shape is {image.shape}.')
        unscaled = image.dtype.kind == 'f' and fixed_range is None  # floats are 0 to 1 where nothing else is said
        fixed_range = FULL if unscaled else fixed_range
    else:
        name = os.fspath(image)
        image = read_stored(name, counts=not isinstance(fixed_range, str))
    if isinstance(fixed_range, str):
        _warn_of_few_bits(image)
    return to_channels(to_uint8(image, name, percentiles, fixed_range), 3, name)


def _warn_of_few_bits(image: np.ndarray) -> None:
    """Warns of a 16-bit image of full range that a camera of fewer bits has written as it is, and that gets dark.

    The line is the same for all images of a series, so that Python says it once.
    """
    most = int(image.max()) if image.dtype == np.uint16 else 0
    if bits := next((bits for bits in CAMERA_BITS if 0 < most < 2**bits), None):
        warnings.warn(
            f'16-bit images have values of at most {2**bits - 1} of 65535, and get dark: if the camera has {bits} '
            f'bits, scale them first (by {2 ** (16 - bits)}).',
            stacklevel=2,
        )
