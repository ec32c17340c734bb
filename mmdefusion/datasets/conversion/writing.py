"""What a writer checks before it writes the first file."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from mmdefusion.utils.paths import all_inside

from ..annotation_files import check_name
from .boxes import AnnotatedImage


def check_targets(
    images: Sequence[AnnotatedImage], classes: Iterable[str], out: Path, suffix: str, taken: str | None = None
) -> list[Path]:
    """The path of each image's annotation file below ``out``.

    Args:
        images: the images, in the order of the result.
        classes: names of the classes; those of the boxes are checked too.
        out: the folder that nothing may leave.
        suffix: extension of the annotation files.
        taken: name of another file that is written into the folder.

    Raises:
        ValueError: if the name of an image leads out of the folder, two images or ``taken`` have one path, or the name
            of a class has a character that no text file keeps.
    """
    for label in {*classes, *(box.label for image in images for box in image.boxes)}:
        check_name(label)
    names = [image.name for image in images]
    return all_inside(out, names, suffix, () if taken is None else (out / taken,))
