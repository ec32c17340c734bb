"""Runs exported segmenters."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mmdefusion.inference.predicting import write_labels
from mmdefusion.visualization import draw_mask, hide_background

from .predicting import Found, OnnxPredicting


class OnnxSegmenter(OnnxPredicting):
    """:class:`mmdefusion.PairedSegInferencer` for an exported file, without torch.

    Predictions are label maps, H×W int, in the size of the visible image; files are PNG, of 16 bits if
    there are more than 256 classes.

    Args:
        opacity: opacity of the colours of the classes in drawings, 0 to 1.
        *args: see :class:`OnnxPredicting`.
        **options: likewise.
    """

    task = 'segment'
    suffix = '.png'

    def __init__(self, *args: Any, opacity: float = 0.6, **options: Any) -> None:
        super().__init__(*args, **options)
        self.opacity = opacity

    def finish(self, outputs: Found, size: tuple[int, int], own_size: tuple[int, int]) -> np.ndarray:
        (mask,) = outputs
        mask = mask.astype(np.uint16)
        if size != own_size:
            mask = cv2.resize(mask, own_size[::-1], interpolation=cv2.INTER_NEAREST)
        return mask.astype(int)

    def draw_on(self, picture: np.ndarray, sample: np.ndarray) -> np.ndarray:
        palette = hide_background(self.metadata.classes, self.metadata.palette)
        return draw_mask(picture, sample, palette, self.opacity)

    def plain(self, sample: np.ndarray) -> np.ndarray:
        return sample

    def save(self, sample: np.ndarray, path: Path) -> None:
        write_labels(path, sample, len(self.metadata.classes))
