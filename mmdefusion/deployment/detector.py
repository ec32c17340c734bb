"""Runs exported detectors."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mmdefusion.utils.files import write_text
from mmdefusion.visualization import draw_boxes, draw_mask

from .masks import encode, paste
from .predicting import Found, OnnxPredicting


class OnnxDetector(OnnxPredicting):
    """:class:`mmdefusion.PairedDetInferencer` for an exported file, without torch.

    Predictions are ``bboxes`` (x0 y0 x1 y1, pixels of the visible image), ``labels`` and ``scores``, and ``masks`` as
    COCO's runs where the network has them; files are JSON.

    Args:
        score_thr: smallest score of the boxes that are drawn, 0 to 1.
        *args: see :class:`OnnxPredicting`.
        **options: likewise.
    """

    task = 'detect'
    suffix = '.json'

    def __init__(self, *args: Any, score_thr: float = 0.3, **options: Any) -> None:
        super().__init__(*args, **options)
        self.score_thr = score_thr

    def finish(self, outputs: Found, size: tuple[int, int], own_size: tuple[int, int]) -> dict[str, np.ndarray]:
        boxes, scores, labels, *maps = outputs
        kept = labels >= 0
        factors = np.array([own_size[1] / size[1], own_size[0] / size[0]] * 2, np.float32)
        sample = dict(bboxes=boxes[kept].astype(np.float32) * factors, scores=scores[kept], labels=labels[kept])
        if maps:
            sample |= dict(maps=maps[0][kept], size=np.array(own_size))
        return sample

    def draw_on(self, picture: np.ndarray, sample: dict[str, np.ndarray]) -> np.ndarray:
        shown = sample['scores'] >= self.score_thr
        if 'maps' in sample:
            classes = np.full(picture.shape[:2], -1)
            for mask, label, seen in zip(self.masks(sample), sample['labels'], shown, strict=True):
                classes[mask & seen] = label
            picture = draw_mask(picture, classes, self.metadata.palette)
        return draw_boxes(picture, sample['bboxes'][shown], sample['labels'][shown], self.metadata.palette)

    def plain(self, sample: dict[str, np.ndarray]) -> dict[str, list]:
        found = {name: sample[name].tolist() for name in ('bboxes', 'scores', 'labels')}
        return found | (dict(masks=list(map(encode, self.masks(sample)))) if 'maps' in sample else {})

    def masks(self, sample: dict[str, np.ndarray]) -> Iterator[np.ndarray]:
        """The masks H×W of a sample's objects, one at a time: all of a large image would not fit into memory."""
        size, threshold = tuple(sample['size'].tolist()), self.metadata.mask_threshold
        for values, box in zip(sample['maps'], sample['bboxes'], strict=True):
            yield paste(values, box, size, threshold)

    def save(self, sample: dict[str, np.ndarray], path: Path) -> None:
        content = dict(self.plain(sample), classes=list(self.metadata.classes))
        write_text(path, json.dumps(content))
