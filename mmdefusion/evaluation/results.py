"""The one reader of results: what a score is called, which unit it has, what stands for an absent one, and their mean.

mmseg writes IoU in percent, mmdet average precision as a share of 1. Both write -1 or NaN for a class that the split
has none of, and mmdet writes no score at all where a detector found nothing.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

#: What the toolboxes call the scores that people compare, and what people call them; the first is the main one.
NAMES = {'mIoU': 'mIoU', 'coco/bbox_mAP': 'mAP', 'coco/bbox_mAP_50': 'AP50', 'pascal_voc/AP50': 'AP50'}
MAIN_SCORES = {'mmseg': ('mIoU',), 'mmdet': ('coco/bbox_mAP', 'coco/bbox_mAP_50')}
CLASS_SCORES = {'mmseg': ('IoU', 'IoU/{}'), 'mmdet': ('AP', 'coco/{}_precision')}


def is_percent(key: str) -> bool:
    """Whether the toolbox writes the score in percent already."""
    return key == 'mIoU' or key.startswith('IoU/')


def score_in_percent(metrics: Mapping[str, float], key: str) -> float:
    """A score of one test.

    Args:
        metrics: what the test wrote.
        key: what the toolbox calls the score.

    Returns:
        Percent; NaN where the split has none of the class, or others were scored and this was not; 0 where a detector
        found nothing at all.
    """
    if not metrics:
        return 0.0
    value = metrics.get(key, np.nan)
    return np.nan if not value >= 0 else value * (1 if is_percent(key) else 100)


def main_score(metrics: Mapping[str, float], keys: Iterable[str]) -> tuple[str, float]:
    """Name and percent of the first of ``keys`` that a test wrote, or of the last at 0 where it wrote none of them."""
    keys = list(keys)
    key = next((key for key in keys if key in metrics), None)
    return (NAMES[keys[-1]], 0.0) if key is None else (NAMES[key], score_in_percent(metrics, key))


def class_scores(toolbox: str, classes: Iterable[str]) -> dict[str, str]:
    """What the toolbox calls the score of each class, by the class."""
    pattern = CLASS_SCORES[toolbox][1]
    return {name: pattern.format(name) for name in classes}


def mean_and_spread(values: Iterable[float]) -> str:
    """Mean and standard deviation over seeds, such as '37.0 ± 1.6'; NaN values do not count, '–' where all are."""
    values = np.array([value for value in values if not np.isnan(value)], float)
    if not len(values):
        return '–'
    spread = f' ± {values.std(ddof=1):.1f}' if len(values) > 1 else ''
    return f'{values.mean():.1f}{spread}'


def mean_and_range(values: Iterable[float]) -> str:
    """:func:`mean_and_spread` with the least and the greatest value, such as '37.0 ± 1.6 (35.8 to 38.1)'."""
    values = np.array([value for value in values if not np.isnan(value)], float)
    return f'{mean_and_spread(values)} ({values.min():.1f} to {values.max():.1f})' if len(values) else '–'


def short_name(config: Path) -> str:
    """What a config is called in reports: of MODEL_1xb4-500i_DATA_VARIANT, model and variant."""
    name, _, rest = config.stem.partition('_1xb')
    return '_'.join([name, *rest.split('_')[2:]])
