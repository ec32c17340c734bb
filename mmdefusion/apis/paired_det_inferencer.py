"""Runs detectors on pairs."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmdet.apis import DetInferencer
from mmdet.structures import DetDataSample

from mmdefusion.utils.files import write_text
from mmdefusion.utils.image_io import reverse_channels
from mmdefusion.visualization import legible_factor

from .paired_inferencing import PairedInferencing

LEGIBLE = 480  # least width of drawings: mmdet's letters do not shrink with an image and would hide what they name


class PairedDetInferencer(PairedInferencing, DetInferencer):
    """mmdet's DetInferencer for pairs.

    Predictions are ``bboxes`` (x0 y0 x1 y1, pixels of the visible image), ``labels`` and ``scores``; files are JSON.

    Args:
        *args: config, checkpoint, and arguments of mmdet's DetInferencer in its order.
        score_thr: smallest score of the boxes that are drawn, 0 to 1.
        **options: see :class:`PairedInferencing`.
    """

    suffix = '.json'

    def __init__(self, *args: Any, score_thr: float = 0.3, **options: Any) -> None:
        self.score_thr = score_thr
        super().__init__(*args, **options)

    def draw_on(self, picture: np.ndarray, sample: DetDataSample) -> np.ndarray:
        factor = legible_factor(picture.shape[:2], LEGIBLE)
        rgb = reverse_channels(picture).repeat(factor, 0).repeat(factor, 1)
        sample = enlarge(sample, factor)
        with same_chance():
            self.visualizer.add_datasample('pair', rgb, sample, draw_gt=False, pred_score_thr=self.score_thr)
        return reverse_channels(self.visualizer.get_image())

    def plain(self, sample: DetDataSample) -> dict:
        return self.pred2dict(sample)

    def save(self, sample: DetDataSample, path: Path) -> None:
        classes = self.model.dataset_meta['classes']
        found = self.pred2dict(sample)
        write_text(path, json.dumps(dict(found, classes=list(classes))))


@contextmanager
def same_chance() -> Iterator[None]:
    """Lets mmdet vary the colours of masks alike in all drawings: NumPy chooses them, and goes on as before."""
    state = np.random.get_state()
    np.random.seed(0)
    try:
        yield
    finally:
        np.random.set_state(state)


def enlarge(sample: DetDataSample, factor: int) -> DetDataSample:
    """A copy of predictions, as they are on an image so many times as large."""
    if factor == 1 or 'pred_instances' not in sample:
        return sample
    sample, found = sample.clone(), sample.pred_instances.clone()  # a sample's copy shares what is in it
    found.bboxes = found.bboxes * factor
    if 'masks' in found:
        masks = torch.as_tensor(found.masks)
        found.masks = masks.repeat_interleave(factor, 1).repeat_interleave(factor, 2)
    sample.pred_instances = found
    return sample
