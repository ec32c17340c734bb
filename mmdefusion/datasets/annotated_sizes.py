"""Tells by boxes whether annotations are of another size than their images, such as those of a resized copy."""

from collections.abc import Sequence
from dataclasses import dataclass

BEYOND = 0.05  # of a side; a box may reach this far beyond the image: annotators round, and objects are cut off
GROWN = 1.25  # by which both sides must have grown: boxes often keep away from the last tenth of a side
SHOWN = 0.1  # of the images with boxes, that must have one beyond them: a few boxes of any data set are wrong
BOXES = 20  # at least, that grown images must have: a few boxes keep away from a border by chance
FILLED = 0.8  # of both sides in the annotation, that the boxes of grown images must reach
NEARLY_ALL = 0.9  # of the images of a data set: it is copied as a whole

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
    boxes: Sequence[Edges] = ()

    def __str__(self) -> str:
        sizes = '{}x{}'.format(*self.size), '{}x{}'.format(*self.annotated)
        return f'{self.path} is {sizes[0]}, its annotation says {sizes[1]}'


def refuse_resized(images: Sequence[OtherSize], count: int, otherwise: str = '') -> None:
    """Raises a ValueError if boxes are surely of the size in the annotation, as the images were resized without them.

    Args:
        images: all images whose annotations give another size.
        count: the number of all images of the data set.
        otherwise: what else may be done, for the message.
    """
    if resized := find_resized(images, count):
        raise ValueError(
            f'{resized}, and its boxes are of that size: take the images that were annotated (a pipeline resizes boxes '
            f'with them), or convert the boxes by way of YOLO (docs/datasets.md){otherwise}.'
        )


def find_resized(images: Sequence[OtherSize], count: int) -> OtherSize | None:
    """The first image whose boxes are surely of the size in the annotation, or None.

    The size alone does not tell: many annotations have a wrong one and right boxes, and an image may be turned by its
    EXIF data. Nor does one box, which may be wrong too. A box that the annotated size holds and the image does not is a
    sign; it is needed in more than one image, and in a tenth of those with boxes. If nearly all images of a data set
    have grown in both sides, it is one that many boxes fill the annotated size and not one needs the room beyond.

    Args:
        images: all images whose annotations give another size.
        count: the number of all images of the data set.
    """
    boxed = [image for image in images if image.boxes]
    shrunk = [image for image in boxed if _is_left(image)]
    if len(shrunk) > 1 and len(shrunk) >= SHOWN * len(boxed):
        return shrunk[0]
    grown = [image for image in images if _has_grown(image)]
    boxed = [image for image in grown if image.boxes]
    if len(boxed) > 1 and len(grown) >= NEARLY_ALL * count and _fill(boxed):
        return boxed[0]
    return None


def tell_sizes(images: Sequence[OtherSize], count: int) -> str:
    """The start of a warning of ``images`` of another size, among ``count``."""
    return f'{len(images)} of {count} images are of another size than their annotations say, first {images[0]}'


def holds(size: tuple[int, int], box: Edges) -> bool:
    """Whether an image of a size has room for a box, but for a little at its right and lower border."""
    return all(edge <= side + beyond(side) for edge, side in zip(box[2:], size, strict=True))


def beyond(side: int) -> float:
    """How many pixels a box may reach beyond a side of an image."""
    return max(BEYOND * side, 2)


def _is_left(image: OtherSize) -> bool:
    """Whether a box lies beyond an image and within the size in its annotation."""
    return any(holds(image.annotated, box) and not holds(image.size, box) for box in image.boxes)


def _has_grown(image: OtherSize) -> bool:
    return all(side >= GROWN * told for side, told in zip(image.size, image.annotated, strict=True))


def _fill(images: Sequence[OtherSize]) -> bool:
    """Whether there are enough boxes that fill the sizes in the annotations, and none is beyond them."""
    boxes = [(image.annotated, box) for image in images for box in image.boxes]
    if len(boxes) < BOXES or not all(holds(size, box) for size, box in boxes):
        return False
    return all(max(box[2 + axis] / size[axis] for size, box in boxes) >= FILLED for axis in (0, 1))
