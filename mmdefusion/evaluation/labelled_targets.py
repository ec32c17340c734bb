"""Measures how well labelled objects stand out in fused images and image files."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from numpy.typing import NDArray

from mmdefusion.datasets.conversion import READERS, Box
from mmdefusion.utils.image_io import FixedRange
from mmdefusion.utils.names import composed
from mmdefusion.utils.progress import track

from .functional.checks import check_triple
from .functional.gray import to_grey
from .functional.targets import Kept, box_region, kept
from .parallel_scoring import Triple, read_triple

Boxes = Mapping[str, tuple[Box, ...]]  # by the name of the image without suffix


class BoxesByName(Mapping[str, tuple[Box, ...]]):
    """Boxes by the name of the image, which is found in either form of Unicode, as the files of pairs are.

    Args:
        found: boxes by composed names.
    """

    def __init__(self, found: dict[str, tuple[Box, ...]]) -> None:
        self._found = found

    def __getitem__(self, name: str) -> tuple[Box, ...]:
        return self._found[composed(name)]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


def read_boxes(annotations: Path, images: Path, suffix: str = '') -> Boxes:
    """Reads the boxes of a COCO file, or of a folder of VOC files named like the images, without ignored boxes.

    Args:
        annotations: the file or folder.
        images: folder of the visible images.
        suffix: ending of the names of visible images that names of pairs lack.

    Raises:
        OSError: if a file does not exist.
        ValueError: if a file has another format; the message names it.
    """
    if not annotations.exists():
        raise FileNotFoundError(f'The annotations {annotations} are not there.')
    try:
        found = READERS['voc' if annotations.is_dir() else 'coco'](annotations, images)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f'{annotations} holds no boxes in the format of COCO or VOC: {error!r}') from None
    return BoxesByName(
        {_name(image.name, suffix): tuple(box for box in image.boxes if not box.ignore) for image in found}
    )


def _name(path: str, suffix: str) -> str:
    """The name of a pair, of an image's path, in the form of Unicode that :class:`BoxesByName` keeps."""
    return composed(Path(path).with_suffix('').as_posix()).removesuffix(composed(suffix))


def check_names(boxes: Boxes, names: Collection[str]) -> None:
    """Raises a ValueError if no image has boxes."""
    if not any(boxes.get(name) for name in names):
        held = next((name for name, own in boxes.items() if own), None)
        example = 'there are none' if held is None else f'{held} against {next(iter(names))}'
        raise ValueError(f'The boxes belong to none of the images: {example}.')


def measure_targets(
    triples: Mapping[str, Triple],
    boxes: Boxes,
    second: FixedRange = None,
    black_hot: bool | None = None,
    resize: bool = False,
) -> dict[str, list[Kept]]:
    """Measures how much is kept of each object that a source shows, by class.

    Args:
        triples: paths of visible, infrared and fused images, by image name.
        boxes: boxes by image name; images without boxes are skipped.
        second, black_hot, resize: see :func:`read_triple`.

    Raises:
        ValueError: if images cannot be read or compared; the message names the files.
    """
    labelled = {name: paths for name, paths in triples.items() if name in boxes}
    found: dict[str, list[Kept]] = {}
    for name, paths in track(labelled.items(), 'measuring objects', total=len(labelled)):
        try:
            objects = measure_objects(read_triple(paths, second, black_hot, resize), boxes[name])
        except ValueError as error:
            raise ValueError(f'{", ".join(paths)}: {error}') from None
        for label, of_label in objects.items():
            found.setdefault(label, []).extend(of_label)
    return dict(sorted(found.items()))


def measure_objects(triple: Sequence[NDArray], boxes: Iterable[Box]) -> dict[str, list[Kept]]:
    """Measures how much is kept of each object of one image that a source shows, by class.

    Args:
        triple: visible, infrared and fused image, H×W or H×W×3 (RGB), 0-255.
        boxes: the boxes of this image.

    Raises:
        ValueError: if the images cannot be compared.
    """
    images = [to_grey(image) for image in check_triple(*triple)]
    found: dict[str, list[Kept]] = {}
    for box in boxes:
        region = box_region(images[0].shape, (box.x0, box.y0, box.x1, box.y1))
        found.setdefault(box.label, []).extend(kept(*images, [region]))
    return found
