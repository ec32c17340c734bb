"""Runs exported segmenters."""

from pathlib import Path
from typing import Any

import numpy as np

from mmdefusion.inference.predicting import in_few_bits, write_labels
from mmdefusion.visualization import draw_mask, hide_background

from .labelling import label_pixels
from .predicting import Found, OnnxPredicting


class OnnxSegmenter(OnnxPredicting):
    """:class:`mmdefusion.PairedSegInferencer` for an exported file, without torch.

    Predictions are label maps, H×W uint8, in the size of the visible image, and files are PNG; both have 16 bits if
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
        (found,) = outputs
        if self.metadata.logits:
            found = label_pixels(found, own_size, self.metadata.align_corners)
        return in_few_bits(found, len(self.metadata.classes))

    def draw_on(self, picture: np.ndarray, sample: np.ndarray) -> np.ndarray:
        palette = hide_background(self.metadata.classes, self.metadata.palette)
        return draw_mask(picture, sample, palette, self.opacity)

    def plain(self, sample: np.ndarray) -> np.ndarray:
        return sample

    def save(self, sample: np.ndarray, path: Path) -> None:
        write_labels(path, sample, len(self.metadata.classes))
