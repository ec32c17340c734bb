"""YOLO format: a text file for each image, ``class centre_x centre_y width height`` relative to the image's size."""

from collections.abc import Sequence
from pathlib import Path

from mmdefusion.utils.files import write_text
from mmdefusion.utils.progress import track

from ..annotation_files import read_lines, read_text, reading
from .boxes import AnnotatedImage, Box, around, list_files, size_of
from .writing import check_targets

NAMES = 'classes.txt'
BESIDE = 0.02  # of a side, by which a box may leave the image


def read_yolo(annotations: Path, images: Path) -> list[AnnotatedImage]:
    """Reads a folder of text files that are named like the images, with the names of the classes in ``classes.txt``.

    A line may have a confidence behind its box, and the number of a track. A class and three or more corners ``x y``
    are a polygon or an oriented box, of which the horizontal box around it is taken.

    Images without a file are not ``labelled``: the format does not say whether they have no objects or no annotation.

    Raises:
        FileNotFoundError: if there is no such folder, or no ``classes.txt``.
        ValueError: if there are no images, or a line has another form.
    """
    names, found = _read_names(annotations), []
    for stem, name in track(list_files(images).items(), 'reading'):
        path, (width, height) = Path(annotations) / f'{stem}.txt', size_of(Path(images) / name)
        labelled, boxes = path.is_file(), ()
        if labelled:
            with reading(path, "YOLO's text"):
                boxes = tuple(_read_line(line, names, width, height) for line in read_lines(path))
        found.append(AnnotatedImage(name, width, height, boxes, labelled))
    return found


def declared_in_yolo(annotations: Path) -> set[str]:
    """The names of the classes in ``classes.txt``, with boxes or without; raises as :func:`read_yolo`."""
    return {name for name in _read_names(annotations) if name}


def write_yolo(images: Sequence[AnnotatedImage], classes: Sequence[str], out: Path) -> None:
    """Writes a text file for each image and ``classes.txt`` into the folder ``out``; ignored boxes are left out.

    Raises:
        ValueError: before anything is written, see :func:`.writing.check_targets`.
    """
    paths = check_targets(images, classes, out, '.txt', taken=NAMES)
    out.mkdir(parents=True, exist_ok=True)
    write_text(out / NAMES, '\n'.join(classes))
    for path, image in track(zip(paths, images, strict=True), 'writing', len(images)):
        lines = [_line(box, list(classes), image) for box in image.boxes if not box.ignore]
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, '\n'.join(lines), wait=False)


def _read_names(annotations: Path) -> list[str]:
    path = Path(annotations) / NAMES
    if not path.is_file():
        raise FileNotFoundError(f'{path} is not there: write the names of the classes into it, one per line.')
    return [name.strip() for name in read_text(path).rstrip().split('\n')]


def _read_line(line: str, names: Sequence[str], width: int, height: int) -> Box:
    try:
        number, *words = line.split()
        label, values = names[_place(number)], [float(word) for word in words]
        left, top, right, bottom = _edges(values[:5] if _is_tracked(words) else values)
    except (ValueError, IndexError):
        raise ValueError(
            f'{line!r} is neither "class centre_x centre_y width height" nor a class and the corners of a polygon'
        ) from None
    return Box(label, left * width, top * height, right * width, bottom * height)


def _edges(values: list[float]) -> tuple[float, float, float, float]:
    """The edges of a box, with or without its confidence, or those around a polygon's corners."""
    if len(values) in (4, 5):
        x, y, w, h = values[:4]
        return x - w / 2, y - h / 2, x + w / 2, y + h / 2
    if len(values) < 6 or len(values) % 2:
        raise ValueError
    return around(values[::2], values[1::2])


def _is_tracked(words: Sequence[str]) -> bool:
    """Whether a box, its confidence and the number of a track follow a class, and not the corners of a triangle.

    A last number of 1 may be either: it is a track's if the box lies in the image.
    """
    if len(words) != 6 or not words[-1].isdecimal() or int(words[-1]) < 1:
        return False
    edges = _edges([float(word) for word in words[:4]])
    return int(words[-1]) > 1 or (min(edges) > -BESIDE and max(edges) < 1 + BESIDE)


def _place(number: str) -> int:
    """The index of a class; negative numbers are refused, as they would count from the end."""
    if not number.isdecimal():
        raise ValueError
    return int(number)


def _line(box: Box, classes: list[str], image: AnnotatedImage) -> str:
    centre = (box.x0 + box.x1) / 2 / image.width, (box.y0 + box.y1) / 2 / image.height
    size = (box.x1 - box.x0) / image.width, (box.y1 - box.y0) / image.height
    return ' '.join([str(classes.index(box.label)), *(f'{value:.8f}' for value in (*centre, *size))])
