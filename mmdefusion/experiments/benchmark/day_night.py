"""Scores by day and by night, from the predictions of a test.

The config of a data set marks its night images by a regular expression for their paths, ``night = r'N\\.png$'``.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from mmdefusion.datasets.label_maps import read_label_map
from mmdefusion.evaluation.subset_scores import class_iou, class_precision

from .data_set import DataSet

TIMES = ('day', 'night')


def scores_by_time(folder: Path, data: DataSet) -> dict[str, float]:
    """mAP or mIoU of one training in percent, by day and by night; NaN if the split has no such pairs.

    Args:
        folder: folder of the trial, with its predictions.
        data: the data set, whose config marks night images.
    """
    score = _miou if data.toolbox == 'mmseg' else _map
    parts = ([info for info in data.test if data.is_night(info) == night] for night in (False, True))
    return {time: score(folder, part, data) if part else np.nan for time, part in zip(TIMES, parts, strict=True)}


def read_masks(folder: Path, info: dict, data: DataSet) -> tuple[np.ndarray, np.ndarray]:
    """Reads the predicted and the true label map of a pair, H×W each."""
    truth = read_label_map(info, data.backend_args)
    predicted = np.array(Image.open(folder / 'predictions' / f'{Path(info["img_path"]).stem}.png'))
    return predicted - 1 if info.get('reduce_zero_label') else predicted, truth


def _miou(folder: Path, infos: Sequence[dict], data: DataSet) -> float:
    return 100 * float(np.nanmean(class_iou((read_masks(folder, info, data) for info in infos), len(data.classes))))


def _map(folder: Path, infos: Sequence[dict], data: DataSet) -> float:
    path = folder / 'predictions.bbox.json'
    found = json.loads(path.read_text()) if path.is_file() else []  # mmdet may write no file if nothing was found
    truth = data.config.test_evaluator.get('ann_file') or folder / 'predictions.gt.json'
    precision = class_precision(Path(truth), found, [info['img_id'] for info in infos], data.classes)
    return np.nan if np.isnan(precision).all() else 100 * float(np.nanmean(precision))
