"""Tells by boxes whether annotations are of another size than their images, such as those of a resized copy."""

from collections.abc import Sequence
from dataclasses import dataclass

BEYOND = 0.05  # of a side; a box may reach this far beyond the image: annotators round, and objects are cut off
GROWN = 1.25  # by which both sides must have grown: boxes often keep away from the last tenth of a side

Edges = Sequence[float]  # left, top, right, bottom


@dataclass(frozen=True)
class OtherSize:
    """An image whose annotation gives another size.

    Attributes:
        path: of the image.
        size: its width and height, as it is read.
        annotated: those in the annotation.
        boxes: the edges of its boxes in pixels.
    """

    path: str
    size: tuple[int, int]
    annotated: tuple[int, int]
    boxes: Sequence[Edges]

    def __str__(self) -> str:
        sizes = '{}x{}'.format(*self.size), '{}x{}'.format(*self.annotated)
        return f'{self.path} is {sizes[0]}, its annotation says {sizes[1]}'


def refuse_resized(images: Sequence[OtherSize], otherwise: str = '') -> None:
    """Raises a ValueError if boxes are surely of the size in the annotation, as the images were resized without them.

    The size alone does not tell: many annotations have a wrong one and right boxes, and an image may be turned by its
    EXIF data. A box that the annotated size holds and the image does not is of the annotated size. All boxes are if
    images have grown in both sides, and not one of them needs the room.

    Args:
        images: all images whose annotations give another size.
        otherwise: what else may be done, for the message.
    """
    for image in images:
        if any(holds(image.annotated, box) and not holds(image.size, box) for box in image.boxes):
            raise ValueError(_told(image, otherwise))
    grown = [image for image in images if image.boxes and _has_grown(image)]
    if grown and all(holds(image.annotated, box) for image in grown for box in image.boxes):
        raise ValueError(_told(grown[0], otherwise))


def holds(size: tuple[int, int], box: Edges) -> bool:
    """Whether an image of a size has room for a box, but for a little at its right and lower border."""
    return all(edge <= side + max(BEYOND * side, 2) for edge, side in zip(box[2:], size, strict=True))


def _has_grown(image: OtherSize) -> bool:
    return all(side >= GROWN * told for side, told in zip(image.size, image.annotated, strict=True))


def _told(image: OtherSize, otherwise: str) -> str:
    return (
        f'{image}, and its boxes are of that size: take the images that were annotated (a pipeline resizes boxes with '
        f'them), or convert the boxes by way of YOLO (docs/datasets.md){otherwise}.'
    )
