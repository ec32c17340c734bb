"""YOLO format: a text file for each image, ``class centre_x centre_y width height`` relative to the image's size."""

from collections.abc import Sequence
from pathlib import Path

from mmdefusion.utils.files import write_text

from ..annotation_files import read_lines, read_text, reading
from .boxes import AnnotatedImage, Box, list_files, size_of
from .writing import check_targets

NAMES = 'classes.txt'


def read_yolo(annotations: Path, images: Path) -> list[AnnotatedImage]:
    """Reads a folder of text files that are named like the images, with the names of the classes in ``classes.txt``.

    Images without a file are not ``labelled``: the format does not say whether they have no objects or no annotation.

    Raises:
        FileNotFoundError: if there is no such folder, or no ``classes.txt``.
        ValueError: if there are no images, or a line has another form.
    """
    names_file = Path(annotations) / NAMES
    if not names_file.is_file():
        raise FileNotFoundError(f'{names_file} is not there: write the names of the classes into it, one per line.')
    names, found = [name.strip() for name in read_text(names_file).rstrip().split('\n')], []
    for stem, name in list_files(images).items():
        path, (width, height) = Path(annotations) / f'{stem}.txt', size_of(Path(images) / name)
        labelled, boxes = path.is_file(), ()
        if labelled:
            with reading(path, "YOLO's text"):
                boxes = tuple(_read_line(line, names, width, height) for line in read_lines(path))
        found.append(AnnotatedImage(name, width, height, boxes, labelled))
    return found


def write_yolo(images: Sequence[AnnotatedImage], classes: Sequence[str], out: Path) -> None:
    """Writes a text file for each image and ``classes.txt`` into the folder ``out``; ignored boxes are left out.

    Raises:
        ValueError: before anything is written, see :func:`.writing.check_targets`.
    """
    paths = check_targets(images, classes, out, '.txt', taken=NAMES)
    out.mkdir(parents=True, exist_ok=True)
    write_text(out / NAMES, '\n'.join(classes))
    for path, image in zip(paths, images, strict=True):
        lines = [_line(box, list(classes), image) for box in image.boxes if not box.ignore]
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, '\n'.join(lines))


def _read_line(line: str, names: Sequence[str], width: int, height: int) -> Box:
    try:
        number, x, y, w, h = line.split()[:5]
        label, (x, y, w, h) = names[_place(number)], map(float, (x, y, w, h))
    except (ValueError, IndexError):
        raise ValueError(f'{line!r} is not "class centre_x centre_y width height"') from None
    return Box(label, (x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height)


def _place(number: str) -> int:
    """The index of a class; negative numbers are refused, as they would count from the end."""
    if not number.isdecimal():
        raise ValueError
    return int(number)


def _line(box: Box, classes: list[str], image: AnnotatedImage) -> str:
    centre = (box.x0 + box.x1) / 2 / image.width, (box.y0 + box.y1) / 2 / image.height
    size = (box.x1 - box.x0) / image.width, (box.y1 - box.y0) / image.height
    return ' '.join([str(classes.index(box.label)), *(f'{value:.8f}' for value in (*centre, *size))])
