"""VEDAI's format: one text file with oriented boxes, of which the horizontal bounding boxes are taken."""

from pathlib import Path

from ..annotation_files import read_lines, reading
from .boxes import AnnotatedImage, Box, around, list_files, size_of

CLASSES = {
    1: 'car',
    2: 'truck',
    4: 'tractor',
    5: 'camping car',
    7: 'motorcycle',
    8: 'bus',
    9: 'van',
    10: 'other',
    11: 'pickup',
    23: 'boat',
    31: 'plane',
}


def read_vedai(annotations: Path, images: Path) -> list[AnnotatedImage]:
    """Reads ``annotation512.txt`` or ``annotation1024.txt`` for ``NAME_co.png``; the partner is ``NAME_ir.png``.

    Lines are ``name centre_x centre_y angle x1 x2 x3 x4 y1 y2 y3 y4 class contained occluded``, as the data set's
    description says. Vehicles that the border cuts off (contained 0) become ignored boxes.

    Raises:
        FileNotFoundError: if there is no such file or folder.
        ValueError: if there are no images, or a line has another form.
    """
    boxes: dict[str, list[Box]] = {}
    with reading(annotations, "VEDAI's text"):
        for line in read_lines(annotations):
            name, box = _read_line(line)
            boxes.setdefault(name, []).append(box)
    colour = {stem.removesuffix('_co'): name for stem, name in list_files(images).items() if stem.endswith('_co')}
    if not colour or (boxes and not boxes.keys() & colour.keys()):
        first = next(iter(boxes), 'NAME')
        raise ValueError(f'{images} has no image of {annotations}, such as {first}_co.png: name their folder.')
    return [
        AnnotatedImage(name, *size_of(Path(images) / name), tuple(boxes.get(stem, ())), listed=stem)
        for stem, name in colour.items()
    ]


def _read_line(line: str) -> tuple[str, Box]:
    name, *words = line.split()
    try:
        numbers = [float(word) for word in words]
        label = CLASSES[int(numbers[11])]
    except (ValueError, OverflowError, IndexError, KeyError):
        raise ValueError(f'{line!r} is not a vehicle as VEDAI writes them') from None
    ignore = len(numbers) > 12 and numbers[12] == 0
    return name, Box(label, *around(numbers[3:7], numbers[7:11]), ignore)
