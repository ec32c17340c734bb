"""Scores by time of day, from the predictions that a test wrote.

A data set's config marks its night images with a regular expression of their paths, ``night = r'N\\.png$'``.
"""

import contextlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from mmdefusion.utils.compat import installed

from .data_set import DataSet

TIMES = ('day', 'night')

if installed('mmdet'):
    from mmdet.datasets.api_wrappers import COCO, COCOeval
if installed('mmseg'):
    from mmseg.datasets.transforms import LoadAnnotations
    from mmseg.evaluation import IoUMetric


def scores_by_time(folder: Path, data: DataSet) -> dict[str, float]:
    """mAP or mIoU of one training in percent, by day and by night; NaN where the split has nothing of it.

    Args:
        folder: of the trial, with its predictions.
        data: whose config says which pairs are by night.
    """
    score = _miou if data.toolbox == 'mmseg' else _map
    parts = ([info for info in data.test if data.is_night(info) == night] for night in (False, True))
    return {time: score(folder, part, data) if part else np.nan for time, part in zip(TIMES, parts, strict=True)}


def read_masks(folder: Path, info: dict) -> tuple[np.ndarray, np.ndarray]:
    """The classes that one training predicted for a pair, and the truth, H×W each."""
    truth = LoadAnnotations()(dict(info, seg_fields=[]))['gt_seg_map']
    predicted = np.array(Image.open(folder / 'predictions' / f'{Path(info["img_path"]).stem}.png'))
    return predicted - 1 if info.get('reduce_zero_label') else predicted, truth


def _miou(folder: Path, infos: Sequence[dict], data: DataSet) -> float:
    pairs = (map(torch.from_numpy, read_masks(folder, info)) for info in infos)
    areas = [IoUMetric.intersect_and_union(*pair, len(data.classes), ignore_index=255) for pair in pairs]
    scores = IoUMetric.total_area_to_metrics(*map(sum, zip(*areas, strict=True)), ['mIoU'])
    return 100 * float(np.nanmean(scores['IoU']))


def _map(folder: Path, infos: Sequence[dict], data: DataSet) -> float:
    path = folder / 'predictions.bbox.json'
    found = json.loads(path.read_text()) if path.is_file() else []  # mmdet may write none where nothing was found
    if not any(not one.get('ignore_flag') for info in infos for one in info['instances']):
        return np.nan
    if not found:
        return 0.0
    with contextlib.redirect_stdout(None):
        truth = COCO(str(data.config.test_evaluator.get('ann_file') or folder / 'predictions.gt.json'))
        evaluation = COCOeval(truth, truth.loadRes(found), 'bbox')
        evaluation.params.imgIds = [info['img_id'] for info in infos]
        evaluation.params.catIds = truth.get_cat_ids(cat_names=data.classes)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return 100 * float(evaluation.stats[0])
