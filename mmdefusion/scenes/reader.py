"""Reads scenes that :func:`write_scenes` wrote."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class WrittenScenes:
    """The scenes of one split: file names, time of day and truth.

    Attributes:
        root: folder that :func:`write_scenes` filled.
        split: ``'train'`` or ``'test'``.
        coco: content of the split's annotation file.
    """

    root: Path
    split: str
    coco: dict

    @classmethod
    def load(cls, root: Path, split: str = 'test') -> 'WrittenScenes':
        """The scenes of ``root/{split}.json``."""
        return cls(root, split, json.loads((root / f'{split}.json').read_text()))

    def images(self, night: bool | None = None) -> list[dict]:
        """COCO entries of the images of one time of day, or of both."""
        return [image for image in self.coco['images'] if night is None or image['night'] == night]

    def read(self, kind: str, image: dict) -> NDArray:
        """One of ``'vi'``, ``'ir'`` and ``'labels'``: H×W×3 BGR or H×W."""
        return cv2.imread(str(self.root / self.split / kind / image['file_name']), cv2.IMREAD_UNCHANGED)

    def boxes(self, image: dict) -> tuple[NDArray, NDArray]:
        """True boxes N×4 x0 y0 x1 y1 and category ids N."""
        return corners(annotation for annotation in self.coco['annotations'] if annotation['image_id'] == image['id'])

    def telling(self, count: int) -> list[dict]:
        """Selects scenes with all classes and many objects, half by night, by their content and not by results.

        Where there are too few by night or by day, more are of the other.
        """
        labels = {image['id']: [] for image in self.coco['images']}
        for annotation in self.coco['annotations']:
            labels[annotation['image_id']].append(annotation['category_id'])

        def content(image: dict) -> tuple[int, int]:
            return len(set(labels[image['id']])), len(labels[image['id']])

        dark, bright = (sorted(self.images(night), key=content, reverse=True) for night in (True, False))
        share = max(count // 2, count - len(bright))
        chosen = zip_longest(dark[:share], bright[: count - min(share, len(dark))])
        return [image for pair in chosen for image in pair if image is not None]


def corners(annotations: Iterable[dict]) -> tuple[NDArray, NDArray]:
    """Boxes N×4 x0 y0 x1 y1 and category ids N of annotations or results in COCO's format."""
    annotations = list(annotations)
    boxes = np.array([annotation['bbox'] for annotation in annotations], float).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    return boxes, np.array([annotation['category_id'] for annotation in annotations], int)
