"""The one reader of results: names and units of scores, what marks an absent score, and means over seeds.

mmseg writes IoU in percent, mmdet writes average precision as a fraction. Both write -1 or NaN for a class that the
split lacks, and mmdet writes no score at all if a detector found nothing.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

#: The toolboxes' names of scores, and the short names for people.
NAMES = {'mIoU': 'mIoU', 'coco/bbox_mAP': 'mAP', 'coco/bbox_mAP_50': 'AP50', 'pascal_voc/AP50': 'AP50'}
MAIN_SCORES = {'mmseg': ('mIoU',), 'mmdet': ('coco/bbox_mAP', 'coco/bbox_mAP_50')}
CLASS_SCORES = {'mmseg': ('IoU', 'IoU/{}'), 'mmdet': ('AP', 'coco/{}_precision')}


def is_percent(key: str) -> bool:
    """Whether the toolbox writes this score in percent."""
    return key == 'mIoU' or key.startswith('IoU/')


def score_in_percent(metrics: Mapping[str, float], key: str) -> float:
    """Reads one score of a test in percent.

    Args:
        metrics: the scores that the test wrote.
        key: the toolbox's name of the score.

    Returns:
        Percent. NaN if the split lacks the class or this score is missing among others; 0 if there are no scores, as a
        detector then found nothing.
    """
    if not metrics:
        return 0.0
    value = metrics.get(key, np.nan)
    return np.nan if not value >= 0 else value * (1 if is_percent(key) else 100)


def main_score(metrics: Mapping[str, float], keys: Iterable[str]) -> tuple[str, float]:
    """Short name and percent of the first of ``keys`` that a test wrote; if it wrote none, the last key with 0."""
    keys = list(keys)
    key = next((key for key in keys if key in metrics), None)
    return (NAMES[keys[-1]], 0.0) if key is None else (NAMES[key], score_in_percent(metrics, key))


def class_scores(toolbox: str, classes: Iterable[str]) -> dict[str, str]:
    """The toolbox's name of the score of each class, by class."""
    pattern = CLASS_SCORES[toolbox][1]
    return {name: pattern.format(name) for name in classes}


def mean_and_spread(values: Iterable[float]) -> str:
    """Mean and standard deviation over seeds, such as '37.0 ± 1.6'; NaN values are left out, '–' if all are NaN."""
    values = np.array([value for value in values if not np.isnan(value)], float)
    if not len(values):
        return '–'
    spread = f' ± {values.std(ddof=1):.1f}' if len(values) > 1 else ''
    return f'{values.mean():.1f}{spread}'


def mean_and_range(values: Iterable[float]) -> str:
    """Mean, standard deviation and range over seeds, such as '37.0 ± 1.6 (35.8 to 38.1)'."""
    values = np.array([value for value in values if not np.isnan(value)], float)
    return f'{mean_and_spread(values)} ({values.min():.1f} to {values.max():.1f})' if len(values) else '–'


def short_name(config: Path) -> str:
    """The name of a config in reports: model and variant of MODEL_1xb4-500i_DATA_VARIANT."""
    name, _, rest = config.stem.partition('_1xb')
    return '_'.join([name, *rest.split('_')[2:]])
