"""What every format of box annotations comes down to."""

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp', '.tif', '.tiff')


@dataclass(frozen=True)
class Box:
    """An object: its class and its horizontal box in pixels.

    Attributes:
        label: name of the class.
        x0, y0, x1, y1: left, top, right and bottom edge.
        ignore: neither object nor background: difficult, crowded, or cut off.
    """

    label: str
    x0: float
    y0: float
    x1: float
    y1: float
    ignore: bool = False


@dataclass(frozen=True)
class AnnotatedImage:
    """A visible image and its objects.

    Attributes:
        name: file name, relative to the folder of visible images.
        width, height: in pixels.
        boxes: its objects.
    """

    name: str
    width: int
    height: int
    boxes: tuple[Box, ...]


def list_files(folder: Path) -> dict[str, str]:
    """Images below a folder: path without suffix to path, both relative and with forward slashes.

    Raises:
        FileNotFoundError: if there are none.
    """
    paths = sorted(path for path in Path(folder).rglob('*') if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise FileNotFoundError(f'There are no images in {folder}.')
    names = (path.relative_to(folder).as_posix() for path in paths)
    return {name.rpartition('.')[0]: name for name in names}


def size_of(path: Path) -> tuple[int, int]:
    """Width and height, from the file's header."""
    with Image.open(path) as image:
        return image.size


def around(xs: list[float], ys: list[float]) -> tuple[float, float, float, float]:
    """The horizontal box around a polygon."""
    return min(xs), min(ys), max(xs), max(ys)
