"""KAIST's format (``% bbGt version=3``): a text file for each image, in folders of sets and videos or in a flat one."""

from pathlib import Path

from mmdefusion.utils.progress import track

from ..annotation_files import read_lines, reading
from .boxes import AnnotatedImage, Box, size_of

IGNORED = ('people', 'person?', 'person?a', 'cyclist')  # groups, doubtful people, and cyclists


def is_ignored(label: str) -> bool:
    """Whether the benchmark ignores what has a label: neither a target nor background."""
    return label.strip().lower() in IGNORED


def read_kaist(annotations: Path, images: Path) -> list[AnnotatedImage]:
    """Reads ``set00/V000/I00000.txt`` for ``set00/V000/visible/I00000.jpg``; the partner lies in ``lwir``.

    A flat folder has ``set00_V000_I00000.txt``, as the improved annotations of the test part (Liu et al., BMVC 2016).

    Lines are ``label x y width height occlusion …``. Groups, doubtful people and cyclists become ignored boxes, as in
    the benchmark, and so do boxes with the ignore flag in the eleventh column.

    Raises:
        FileNotFoundError: if there are no annotations, or the image of one does not exist.
        ValueError: if a line has another form.
    """
    annotations = Path(annotations)
    paths = {path: path.relative_to(annotations).with_suffix('').parts for path in annotations.glob('set*/V*/*.txt')}
    paths = paths or {path: path.stem.split('_', 2) for path in annotations.glob('set*_V*_*.txt')}
    if not paths:
        raise FileNotFoundError(f'There are no files setNN/VNNN/*.txt or setNN_VNNN_*.txt in {annotations}.')
    found = []
    for path, (series, number, frame) in track(sorted(paths.items()), 'reading'):
        video = f'{series}/{number}'
        name = f'{video}/visible/{frame}.jpg'
        with reading(path, "KAIST's text"):
            boxes = tuple(_read_line(line) for line in read_lines(path) if not line.startswith('%'))
        found.append(AnnotatedImage(name, *size_of(Path(images) / name), boxes, listed=f'{video}/{frame}'))
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
