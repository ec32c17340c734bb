"""Scores of a part of a split, such as its night images, from the predictions for the whole split.

They are computed by the evaluations of mmseg and COCO, so mmseg or mmdet is needed.
"""

import contextlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

NO_ID = -1  # id of a class that a file does not have


def class_iou(masks: Iterable[tuple[NDArray, NDArray]], classes: int, ignored: int = 255) -> NDArray:
    """IoU of each class over all pixels of all masks.

    Args:
        masks: predicted and true labels of each image, H×W integers each.
        classes: number of classes.
        ignored: true label of pixels that are ignored.

    Returns:
        Shape (classes,), 0 to 1; NaN for a class that is neither predicted nor true anywhere.
    """
    from mmseg.evaluation import IoUMetric

    pairs = (map(torch.from_numpy, pair) for pair in masks)
    areas = [IoUMetric.intersect_and_union(*pair, classes, ignored) for pair in pairs]
    return IoUMetric.total_area_to_metrics(*map(sum, zip(*areas, strict=True)), ['mIoU'])['IoU']


def class_precision(truth: Path, found: list[dict], images: Sequence[int], classes: Sequence[str]) -> NDArray:
    """COCO's average precision of boxes of all sizes, with at most 100 boxes per image.

    Args:
        truth: annotation file in COCO's format.
        found: predicted boxes in the format of COCO's results.
        images: ids of the images to evaluate.
        classes: names of the classes to evaluate.

    Returns:
        Shape (10, len(classes)), 0 to 1, for each IoU from 0.5 to 0.95; NaN for classes that the images lack.
    """
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(None):
        annotated = COCO(str(truth))
        ids = {category['name']: category['id'] for category in annotated.cats.values()}
        results = annotated.loadRes(found) if found else COCO()  # loadRes refuses an empty list
        evaluation = COCOeval(annotated, results, 'bbox')
        evaluation.params.imgIds = list(images)
        wanted = evaluation.params.catIds = [ids.get(name, NO_ID) for name in classes]
        evaluation.evaluate()  # which sorts the ids, each once
        evaluation.accumulate()
    places = np.searchsorted(evaluation.params.catIds, wanted)
    precision = evaluation.eval['precision'][:, :, places, 0, -1]  # IoU × recall × class, all sizes and 100 boxes
    return np.where(precision < 0, np.nan, precision).mean(1)
