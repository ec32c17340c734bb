"""Runs segmenters on pairs."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.structures import PixelData
from mmseg.apis import MMSegInferencer
from mmseg.structures import SegDataSample
from mmseg.utils import get_classes, get_palette

from mmdefusion.inference.predicting import in_few_bits, write_labels
from mmdefusion.utils.image_io import reverse_channels
from mmdefusion.visualization import class_colours

from .paired_configs import tested_meta
from .paired_inferencing import PairedInferencing


class PairedSegInferencer(PairedInferencing, MMSegInferencer):
    """mmseg's MMSegInferencer for pairs.

    Predictions are label maps, H×W uint8, in the size of the visible image, and files are PNG; both have 16 bits if
    there are more than 256 classes.

    Args:
        model, weights: see :class:`PairedInferencing`.
        classes: names of the classes; None takes those of ``dataset_name``, of the checkpoint or of the config's data.
        palette: a colour for each class, RGB (a list or an array), or a data set that mmseg knows colours of; None
            takes what goes with these classes. Classes without a colour get one of their own.
        dataset_name: data set that mmseg knows classes and colours of.
        device: device of the network; None takes the best one available.
        opacity: opacity of the colours of the classes in drawings, 0 to 1.
        show_progress: whether to show a progress bar on terminals.
        **options: see :class:`PairedInferencing`.

    Raises:
        ValueError: if mmseg knows no colours of ``palette``, or see :class:`PairedInferencing`.
    """

    suffix = '.png'

    def __init__(
        self,
        model: Any,
        weights: str | os.PathLike,
        classes: Sequence[str] | None = None,
        palette: Sequence[Sequence[int]] | np.ndarray | str | None = None,
        dataset_name: str | None = None,
        device: str | None = None,
        opacity: float = 0.6,
        show_progress: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(model, weights, device=device, **options)
        self.show_progress = show_progress
        self.visualizer.alpha = opacity
        self.model.dataset_meta = self._meta(classes, palette, dataset_name)
        self.visualizer.set_dataset_meta(**self.model.dataset_meta)

    def _meta(
        self,
        classes: Sequence[str] | None,
        palette: Sequence[Sequence[int]] | np.ndarray | str | None,
        dataset_name: str | None,
    ) -> dict[str, Any]:
        """Classes and a colour for each: what the caller gives, else a named data set's, else the checkpoint's."""
        known = self.model.dataset_meta
        if dataset_name:
            known = dict(classes=get_classes(dataset_name), palette=get_palette(dataset_name))
        elif _is_empty(known.get('palette')) and (tested := tested_meta(self.cfg)).get('classes') == tuple(
            known['classes']
        ):
            known = tested
        classes = tuple(known['classes'] if _is_empty(classes) else classes)
        if isinstance(palette, str):
            palette = _named_palette(palette)
        colours = class_colours(known.get('palette') if palette is None else palette, len(classes))
        return dict(classes=classes, palette=list(colours[: len(classes)]))

    def draw_on(self, picture: np.ndarray, sample: SegDataSample) -> np.ndarray:
        rgb = reverse_channels(picture)
        # as an array: of an image of one pixel, NumPy would take a tensor that says where a class is for a number
        labels = PixelData(data=sample.pred_sem_seg.data.cpu().numpy())
        sample = SegDataSample(pred_sem_seg=labels)
        self.visualizer.add_datasample('pair', rgb, sample, draw_gt=False, with_labels=False)
        return reverse_channels(self.visualizer.get_image())

    def plain(self, sample: SegDataSample) -> np.ndarray:
        return in_few_bits(sample.pred_sem_seg.data[0].cpu().numpy(), len(self.model.dataset_meta['classes']))

    def save(self, sample: SegDataSample, path: Path) -> None:
        write_labels(path, self.plain(sample), len(self.model.dataset_meta['classes']))


def _is_empty(values: Sequence | np.ndarray | None) -> bool:
    """Whether there are none; arrays refuse to be asked as lists are."""
    return values is None or len(values) == 0


def _named_palette(name: str) -> list[list[int]]:
    try:
        return get_palette(name)
    except ValueError:
        raise ValueError(
            f'palette={name!r}: mmseg knows no colours of that name: give a list of colours, or the name of a data set '
            "such as 'cityscapes'."
        ) from None
