"""COCO format: one JSON file for all images."""

import json
from collections.abc import Sequence
from pathlib import Path

from mmdefusion.utils.files import write_text

from ..annotation_files import read_coco_file, reading
from .boxes import AnnotatedImage, Box


def read_coco(annotations: Path, images: Path) -> list[AnnotatedImage]:
    """Reads the boxes of a file in COCO's format; crowds become ignored boxes.

    Args:
        annotations: the JSON file.
        images: not needed, as the file has the sizes.

    Raises:
        FileNotFoundError: if the file does not exist.
        UnusableAnnotation: if it is not in COCO's format, or a box has no category or no finite edges.
    """
    content = read_coco_file(annotations)
    boxes: dict[int | str, list[Box]] = {image.id: [] for image in content.images}
    with reading(annotations, 'in COCO format'):
        for one in content.annotations:
            if one.category_id not in content.categories:
                raise ValueError(f'annotation {one.id} is of category {one.category_id}, which is not listed')
            x, y, width, height = one.bbox
            box = Box(content.categories[one.category_id], x, y, x + width, y + height, one.ignore)
            boxes[one.image_id].append(box)
    return [AnnotatedImage(image.name, image.width, image.height, tuple(boxes[image.id])) for image in content.images]


def declared_in_coco(annotations: Path) -> set[str]:
    """The names of the categories of a file in COCO's format, with boxes or without; raises as :func:`read_coco`."""
    return {*read_coco_file(annotations).categories.values()}


def write_coco(images: Sequence[AnnotatedImage], classes: Sequence[str], out: Path) -> None:
    """Writes one JSON file; ignored boxes become crowds."""
    annotations = []
    for number, image in enumerate(images, 1):
        for box in image.boxes:
            width, height = box.x1 - box.x0, box.y1 - box.y0
            annotations.append(
                dict(
                    id=len(annotations) + 1,
                    image_id=number,
                    category_id=list(classes).index(box.label) + 1,
                    bbox=[box.x0, box.y0, width, height],
                    area=width * height,
                    iscrowd=int(box.ignore),
                )
            )
    content = dict(
        images=[
            dict(id=number, file_name=image.name, width=image.width, height=image.height)
            for number, image in enumerate(images, 1)
        ],
        annotations=annotations,
        categories=[dict(id=number, name=name) for number, name in enumerate(classes, 1)],
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    write_text(out, json.dumps(content))
