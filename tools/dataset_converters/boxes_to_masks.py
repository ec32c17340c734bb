"""Make label maps of COCO boxes, for a first segmentation run on a data set that has only boxes.

    python tools/dataset_converters/boxes_to_masks.py ANNOTATIONS.json OUT

Writes OUT/STEM.png for each image (0 background, k the k-th category, smaller boxes over larger ones) and the list of
stems, OUT/ANNOTATIONS.txt. The maps are as coarse as the boxes are: good for a smoke test, not for a result.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from tqdm import tqdm

from mmdefusion.utils.files import write_image, write_text


def box_label_map(size: tuple[int, int], boxes: list[tuple[list[float], int]]) -> np.ndarray:
    """H×W uint8 label map of ((x, y, width, height), label) boxes, larger ones below."""
    label_map = np.zeros(size, np.uint8)
    for (x, y, width, height), label in sorted(boxes, key=lambda box: -box[0][2] * box[0][3]):
        left, top = max(round(x), 0), max(round(y), 0)
        label_map[top : round(y + height), left : round(x + width)] = label
    return label_map


def convert(annotations: Path, out: Path) -> int:
    """Write label maps and the list of stems; returns the number of images."""
    coco = json.loads(annotations.read_text())
    labels = {category['id']: index for index, category in enumerate(coco['categories'], start=1)}
    boxes: dict[int, list] = {image['id']: [] for image in coco['images']}
    for annotation in coco['annotations']:
        if annotation['image_id'] not in boxes:
            raise ValueError(
                f'{annotations}: annotation {annotation["id"]} is of image {annotation["image_id"]}, unknown.'
            )
        boxes[annotation['image_id']].append((annotation['bbox'], labels[annotation['category_id']]))
    out.mkdir(parents=True, exist_ok=True)
    stems = []
    for image in tqdm(coco['images'], desc='label maps'):
        stems.append(Path(image['file_name']).stem)
        label_map = box_label_map((image['height'], image['width']), boxes[image['id']])
        write_image(out / f'{stems[-1]}.png', label_map)
    write_text(out / f'{annotations.stem}.txt', '\n'.join(stems) + '\n')
    return len(stems)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('annotations', type=Path, help='COCO annotation file')
    parser.add_argument('out', type=Path, help='folder for the label maps')
    args = parser.parse_args()
    print(f'{convert(args.annotations, args.out)} label maps in {args.out}')


if __name__ == '__main__':
    main()
