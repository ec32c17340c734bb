"""Runs exported detectors."""

import json
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

    def __init__(self, *args: Any, score_thr: float = 0.3, **options: Any) -> None:
        super().__init__(*args, **options)
        self.score_thr = score_thr

    def finish(self, outputs: Found, size: tuple[int, int], own_size: tuple[int, int]) -> dict[str, np.ndarray]:
        boxes, scores, labels, *maps = outputs
        kept = labels >= 0
        factors = np.array([own_size[1] / size[1], own_size[0] / size[0]] * 2, np.float32)
        sample = dict(bboxes=boxes[kept].astype(np.float32) * factors, scores=scores[kept], labels=labels[kept])
        if maps:
            sample['masks'] = paste(maps[0][kept], sample['bboxes'], own_size, self.metadata.mask_threshold)
        return sample

    def draw_on(self, picture: np.ndarray, sample: dict[str, np.ndarray]) -> np.ndarray:
        shown = sample['scores'] >= self.score_thr
        if 'masks' in sample:
            classes = np.full(picture.shape[:2], -1)
            for mask, label in zip(sample['masks'][shown], sample['labels'][shown], strict=True):
                classes[mask] = label
            picture = draw_mask(picture, classes, self.metadata.palette)
        return draw_boxes(picture, sample['bboxes'][shown], sample['labels'][shown], self.metadata.palette)

    def plain(self, sample: dict[str, np.ndarray]) -> dict[str, list]:
        found = {name: values.tolist() for name, values in sample.items() if name != 'masks'}
        return found | dict(masks=[encode(mask) for mask in sample['masks']]) if 'masks' in sample else found

    def save(self, sample: dict[str, np.ndarray], path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        content = dict(self.plain(sample), classes=list(self.metadata.classes))
        write_text(path.with_name(f'{path.name}.json'), json.dumps(content))
