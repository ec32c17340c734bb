"""Runs exported detectors."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from mmdefusion.utils.files import write_text
from mmdefusion.visualization import draw_boxes

from .predicting import Found, OnnxPredicting


class OnnxDetector(OnnxPredicting):
    """:class:`mmdefusion.PairedDetInferencer` for an exported file, without torch.

    Predictions are ``bboxes`` (x0 y0 x1 y1, pixels of the visible image), ``labels`` and ``scores``; files are JSON.

    Args:
        score_thr: smallest score of the boxes that are drawn, 0 to 1.
        *args, **options: see :class:`OnnxPredicting`.
    """

    task = 'detect'

    def __init__(self, *args: Any, score_thr: float = 0.3, **options: Any) -> None:
        super().__init__(*args, **options)
        self.score_thr = score_thr

    def finish(self, outputs: Found, size: tuple[int, int], own_size: tuple[int, int]) -> dict[str, np.ndarray]:
        boxes, scores, labels = outputs
        kept = labels >= 0
        factors = np.array([own_size[1] / size[1], own_size[0] / size[0]] * 2, np.float32)
        return dict(bboxes=boxes[kept].astype(np.float32) * factors, scores=scores[kept], labels=labels[kept])

    def draw_on(self, picture: np.ndarray, sample: dict[str, np.ndarray]) -> np.ndarray:
        shown = sample['scores'] >= self.score_thr
        return draw_boxes(picture, sample['bboxes'][shown], sample['labels'][shown], self.metadata.palette)

    def plain(self, sample: dict[str, np.ndarray]) -> dict[str, list]:
        return {name: values.tolist() for name, values in sample.items()}

    def save(self, sample: dict[str, np.ndarray], path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        content = dict(self.plain(sample), classes=list(self.metadata.classes))
        write_text(path.with_name(f'{path.name}.json'), json.dumps(content))
