"""KAIST's format (``% bbGt version=3``): a text file for each image, in folders of sets and videos."""

from pathlib import Path

from ..annotation_files import read_lines, reading
from .boxes import AnnotatedImage, Box, size_of

IGNORED = ('people', 'person?', 'person?a', 'cyclist')  # groups, doubtful people, and cyclists


def is_ignored(label: str) -> bool:
    """Whether the benchmark ignores what has a label: neither a target nor background."""
    return label.strip().lower() in IGNORED


def read_kaist(annotations: Path, images: Path) -> list[AnnotatedImage]:
    """Reads ``set00/V000/I00000.txt`` for ``set00/V000/visible/I00000.jpg``; the partner lies in ``lwir``.

    Lines are ``label x y width height occlusion …``. Groups, doubtful people and cyclists become ignored boxes, as in
    the benchmark, and so do boxes with the ignore flag in the eleventh column.

    Raises:
        FileNotFoundError: if there are no annotations, or the image of one does not exist.
        ValueError: if a line has another form.
    """
    paths = sorted(Path(annotations).glob('set*/V*/*.txt'))
    if not paths:
        raise FileNotFoundError(f'There are no files setNN/VNNN/*.txt in {annotations}.')
    found = []
    for path in paths:
        video = path.parent.relative_to(annotations).as_posix()
        name = f'{video}/visible/{path.stem}.jpg'
        with reading(path, "KAIST's text"):
            boxes = tuple(_read_line(line) for line in read_lines(path) if not line.startswith('%'))
        found.append(AnnotatedImage(name, *size_of(Path(images) / name), boxes, listed=f'{video}/{path.stem}'))
    return found


def _read_line(line: str) -> Box:
    words = line.split()
    try:
        x, y, width, height = map(float, words[1:5])
    except ValueError:
        raise ValueError(f'{line!r} is not "label x y width height occlusion …"') from None
    ignored = is_ignored(words[0])
    flagged = len(words) > 10 and words[10] == '1'
    return Box('person' if ignored else words[0], x, y, x + width, y + height, ignored or flagged)
