"""Runs detectors on pairs."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from mmdet.apis import DetInferencer
from mmdet.structures import DetDataSample

from mmdefusion.utils.files import write_text
from mmdefusion.utils.image_io import reverse_channels

from .paired_inferencing import PairedInferencing


class PairedDetInferencer(PairedInferencing, DetInferencer):
    """mmdet's DetInferencer for pairs.

    Predictions are ``bboxes`` (x0 y0 x1 y1, pixels of the visible image), ``labels`` and ``scores``; files are JSON.

    Args:
        score_thr: smallest score of the boxes that are drawn, 0 to 1.
        **options: see :class:`PairedInferencing`.
    """

    suffix = '.json'

    def __init__(self, *args: Any, score_thr: float = 0.3, **options: Any) -> None:
        self.score_thr = score_thr
        super().__init__(*args, **options)

    def draw_on(self, picture: np.ndarray, sample: DetDataSample) -> np.ndarray:
        rgb = reverse_channels(picture)
        self.visualizer.add_datasample('pair', rgb, sample, draw_gt=False, pred_score_thr=self.score_thr)
        return reverse_channels(self.visualizer.get_image())

    def plain(self, sample: DetDataSample) -> dict:
        return self.pred2dict(sample)

    def save(self, sample: DetDataSample, path: Path) -> None:
        classes = self.model.dataset_meta['classes']
        found = self.pred2dict(sample)
        write_text(path, json.dumps(dict(found, classes=list(classes))))
