"""Runs segmenters on pairs."""

from pathlib import Path
from typing import Any

import numpy as np
from mmseg.apis import MMSegInferencer
from mmseg.structures import SegDataSample

from mmdefusion.inference.predicting import in_few_bits, write_labels
from mmdefusion.utils.image_io import reverse_channels

from .paired_inferencing import PairedInferencing


class PairedSegInferencer(PairedInferencing, MMSegInferencer):
    """mmseg's MMSegInferencer for pairs.

    Predictions are label maps, H×W uint8, in the size of the visible image, and files are PNG; both have 16 bits if
    there are more than 256 classes.

    Args:
        opacity: opacity of the colours of the classes in drawings, 0 to 1.
        show_progress: whether to show a progress bar on terminals.
        **options: see :class:`PairedInferencing`.
    """

    suffix = '.png'

    def __init__(self, *args: Any, opacity: float = 0.6, show_progress: bool = True, **options: Any) -> None:
        super().__init__(*args, **options)
        self.show_progress = show_progress
        self.visualizer.alpha = opacity
        self.visualizer.set_dataset_meta(**self.model.dataset_meta)

    def draw_on(self, picture: np.ndarray, sample: SegDataSample) -> np.ndarray:
        rgb = reverse_channels(picture)
        self.visualizer.add_datasample('pair', rgb, sample, draw_gt=False, with_labels=False)
        return reverse_channels(self.visualizer.get_image())

    def plain(self, sample: SegDataSample) -> np.ndarray:
        return in_few_bits(sample.pred_sem_seg.data[0].cpu().numpy(), len(self.model.dataset_meta['classes']))

    def save(self, sample: SegDataSample, path: Path) -> None:
        write_labels(path, self.plain(sample), len(self.model.dataset_meta['classes']))
