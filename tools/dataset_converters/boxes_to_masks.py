"""Makes label maps of COCO boxes, for a first segmentation run on a data set that has only boxes.

    python tools/dataset_converters/boxes_to_masks.py ANNOTATIONS.json OUT

Writes OUT/NAME.png for each image (0 background, k the k-th category, 255 what is ignored, such as crowds; objects over
that, smaller boxes over larger ones) and the list of names, without suffix and with their folders, OUT/ANNOTATIONS.txt.
The maps are as coarse as the boxes: good for a smoke test, not for a result.
"""

import argparse
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmdefusion.datasets.annotation_files import read_coco_file
from mmdefusion.utils.files import write_image, write_text
from mmdefusion.utils.image_headers import max_pixels
from mmdefusion.utils.names import shown
from mmdefusion.utils.options import interrupted_in_a_line
from mmdefusion.utils.paths import all_inside, without_suffix
from mmdefusion.utils.progress import track

IGNORED = 255  # mmseg counts it neither as an object nor as background
MAX_CATEGORIES = IGNORED - 1  # a label map of 8 bits has 0 for the background


def box_label_map(size: tuple[int, int], boxes: list[tuple[Sequence[float], int]]) -> np.ndarray:
    """Draws a label map H×W uint8 of boxes ((x, y, width, height), label), smaller over larger and ignored ones."""
    label_map = np.zeros(size, np.uint8)
    for (x, y, width, height), label in sorted(boxes, key=lambda box: (box[1] != IGNORED, -box[0][2] * box[0][3])):
        if not all(map(math.isfinite, (x, y, width, height, x + width, y + height))):
            raise ValueError(f'The box {x, y, width, height} has NaN or infinite edges: run check_dataset.py first.')
        left, top, right, bottom = (max(round(edge), 0) for edge in (x, y, x + width, y + height))
        label_map[top:bottom, left:right] = label
    return label_map


def convert(annotations: Path, out: Path) -> int:
    """Writes label maps and the list of their names; returns the number of images."""
    coco = read_coco_file(annotations)
    if len(coco.categories) > MAX_CATEGORIES:
        raise ValueError(
            f'{annotations} has {len(coco.categories)} categories, and a label map has room for {MAX_CATEGORIES}: '
            'leave some out.'
        )
    labels = {category: index for index, category in enumerate(coco.categories, start=1)}
    boxes: dict[int | str, list] = {image.id: [] for image in coco.images}
    for one in coco.annotations:
        if one.category_id not in labels:
            raise ValueError(
                f'{annotations}: annotation {one.id} is of category {one.category_id}, which is not listed.'
            )
        boxes[one.image_id].append((one.bbox, IGNORED if one.ignore else labels[one.category_id]))
    names = [without_suffix(image.name) for image in coco.images]
    targets = all_inside(out, [image.name for image in coco.images], '.png')
    for image in coco.images:
        if image.width * image.height > max_pixels():
            raise ValueError(
                f'{annotations}: {image.name} is said to be {image.width}x{image.height}; correct the file.'
            )
    out.mkdir(parents=True, exist_ok=True)
    for target, image in track(list(zip(targets, coco.images, strict=True)), 'label maps'):
        write_image(target, box_label_map((image.height, image.width), boxes[image.id]))
    write_text(out / f'{annotations.stem}.txt', '\n'.join(names) + '\n')
    return len(names)


@interrupted_in_a_line()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('annotations', type=Path, help='COCO annotation file')
    parser.add_argument('out', type=Path, help='folder for the label maps')
    args = parser.parse_args()
    try:
        count = convert(args.annotations, args.out)
    except (OSError, ValueError) as error:
        raise SystemExit(shown(error)) from None
    print(f'{count} label maps in {args.out}')


if __name__ == '__main__':
    main()
