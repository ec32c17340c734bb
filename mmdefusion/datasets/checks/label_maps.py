"""Checks label maps as training would see them."""

import numpy as np
from mmengine.dataset import BaseDataset

from mmdefusion.utils.compat import installed
from mmdefusion.utils.progress import track

from ..label_maps import read_label_map
from .report import SplitReport

if installed('mmseg'):
    from mmseg.datasets import BaseSegDataset


def has_label_maps(dataset: BaseDataset) -> bool:
    """Whether a data set is one of mmseg."""
    return installed('mmseg') and isinstance(dataset, BaseSegDataset)


def find_unlisted(report: SplitReport, dataset: 'BaseSegDataset') -> None:
    """Reports images of the visible folder that are no part of the data set, as their names end otherwise."""
    unlisted = getattr(dataset, 'unlisted', list)()
    if unlisted:
        report.guesses.append(
            f'{len(unlisted)} images in {dataset.data_prefix[dataset.VISIBLE]} do not end with {dataset.img_suffix!r} '
            f'and are left out, first {unlisted[0]}: give all one ending, or set img_suffix'
        )


def count_pixels(report: SplitReport, dataset: 'BaseSegDataset', infos: list[dict]) -> None:
    """Counts the pixels of each class, and reports values that are no class."""
    classes = dataset.metainfo['classes']
    total = np.zeros(256, np.int64)
    for info in track(infos, f'{report.split} label maps'):
        path = info['seg_map_path']
        try:
            labels = read_label_map(info, dataset.backend_args)
        except ValueError as error:
            report.unreadable.append(f'{error}; replace the file')
            continue
        if labels.ndim != 2:
            report.wrong_labels.append(f'{path}: has shape {labels.shape}, a colour image instead of labels')
            continue
        values, counts = np.unique(labels, return_counts=True)
        outside = [int(v) for v in values if not 0 <= v < len(classes) and v != dataset.ignore_index]
        if outside:
            report.wrong_labels.append(
                f'{path}: values {", ".join(map(str, outside))} are outside the {len(classes)} classes '
                f'(with reduce_zero_label={dataset.reduce_zero_label})'
            )
        inside = (values >= 0) & (values < 256)
        total[values[inside].astype(int)] += counts[inside]
    report.classes = {name: int(total[label]) for label, name in enumerate(classes)}
    if infos and not any(report.classes.values()):
        report.wrong_labels.append(
            f'none of {len(infos)} label maps has a pixel of a class; compare them with metainfo'
        )
