"""The common form of box annotations, between a reader and a writer."""

import math
from dataclasses import dataclass
from pathlib import Path

from mmdefusion.inference.stems import list_images
from mmdefusion.utils.image_headers import read_header


@dataclass(frozen=True)
class Box:
    """An object: its class and its horizontal box in pixels.

    Attributes:
        label: name of the class.
        x0, y0, x1, y1: left, top, right and bottom edge in pixels.
        ignore: whether the box counts neither as object nor as background: difficult, crowded, or cut off.

    Raises:
        ValueError: if an edge is NaN or infinite.
    """

    label: str
    x0: float
    y0: float
    x1: float
    y1: float
    ignore: bool = False

    def __post_init__(self) -> None:
        edges = (self.x0, self.y0, self.x1, self.y1)
        if not all(map(math.isfinite, edges)):
            raise ValueError(f'the box {edges} of {self.label!r} has NaN or infinite edges')


@dataclass(frozen=True)
class AnnotatedImage:
    """A visible image and its objects.

    Attributes:
        name: file name, relative to the folder of visible images.
        width, height: size in pixels.
        boxes: the objects.
        labelled: whether there is an annotation, which may be empty.
        left_out: number of objects that are not among the boxes, as they have no box or no name.
        listed: its name in the data set's own lists, if that is another.
    """

    name: str
    width: int
    height: int
    boxes: tuple[Box, ...]
    labelled: bool = True
    left_out: int = 0
    listed: str = ''


def list_files(folder: Path) -> dict[str, str]:
    """Lists the images below a folder by their path without extension; paths are relative, with forward slashes.

    Raises:
        FileNotFoundError: if there is no such folder.
        ValueError: if it has no image, or two of the same name.
    """
    return {name: Path(path).relative_to(folder).as_posix() for name, path in list_images(folder).items()}


def size_of(path: Path) -> tuple[int, int]:
    """Reads the width and height of an image from its header."""
    header = read_header(str(path))
    return header.width, header.height


def around(xs: list[float], ys: list[float]) -> tuple[float, float, float, float]:
    """The horizontal box around a polygon; NaN if one of its corners is, which ``min`` may pass over."""
    if any(map(math.isnan, (*xs, *ys))):
        return (math.nan,) * 4
    return min(xs), min(ys), max(xs), max(ys)
