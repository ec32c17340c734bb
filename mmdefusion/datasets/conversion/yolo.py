"""YOLO: a text file for each image, ``class centre_x centre_y width height`` in shares of the image."""

from collections.abc import Sequence
from pathlib import Path

from mmdefusion.utils.files import write_text

from .boxes import AnnotatedImage, Box, list_files, size_of

NAMES = 'classes.txt'


def read_yolo(annotations: Path, images: Path) -> list[AnnotatedImage]:
    """Of a folder of text files, named as the images, with the names of the classes in ``classes.txt``.

    Raises:
        FileNotFoundError: if there are no images, or no names.
        ValueError: if a line is not what it should be.
    """
    names_file = Path(annotations) / NAMES
    if not names_file.is_file():
        raise FileNotFoundError(f'{names_file} is not there: write the name of each class into it, one a line.')
    names, found = names_file.read_text().split('\n'), []
    for stem, name in list_files(images).items():
        path, (width, height) = Path(annotations) / f'{stem}.txt', size_of(Path(images) / name)
        lines = path.read_text().splitlines() if path.is_file() else []
        boxes = tuple(_read_line(line, names, width, height, path) for line in lines if line.strip())
        found.append(AnnotatedImage(name, width, height, boxes))
    return found


def write_yolo(images: Sequence[AnnotatedImage], classes: Sequence[str], out: Path) -> None:
    """A text file for each image in the folder ``out``, and the names; ignored boxes are left out."""
    out.mkdir(parents=True, exist_ok=True)
    write_text(out / NAMES, '\n'.join(classes))
    for image in images:
        lines = [_line(box, list(classes), image) for box in image.boxes if not box.ignore]
        path = out / f'{image.name.rpartition(".")[0]}.txt'
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, '\n'.join(lines))


def _read_line(line: str, names: Sequence[str], width: int, height: int, path: Path) -> Box:
    try:
        number, x, y, w, h = line.split()[:5]
        label, (x, y, w, h) = names[int(number)].strip(), map(float, (x, y, w, h))
    except (ValueError, IndexError):
        raise ValueError(f'{path}: {line!r} is not "class centre_x centre_y width height".') from None
    return Box(label, (x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height)


def _line(box: Box, classes: list[str], image: AnnotatedImage) -> str:
    centre = (box.x0 + box.x1) / 2 / image.width, (box.y0 + box.y1) / 2 / image.height
    size = (box.x1 - box.x0) / image.width, (box.y1 - box.y0) / image.height
    return ' '.join([str(classes.index(box.label)), *(f'{value:.8f}' for value in (*centre, *size))])
