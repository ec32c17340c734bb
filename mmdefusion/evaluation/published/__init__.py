"""Published results of other methods, for comparison.

``vifb_method_means.csv``: Zhang, Ye and Xiao, VIFB: A Visible and Infrared Image Fusion Benchmark, CVPR Workshops 2020,
and the results that its authors have added to https://github.com/xingchenzhang/VIFB since.
"""

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..functional import lower_is_better

Scores = Mapping[str, float]

# names of the pairs, of which the published means are
VIFB_PAIRS = (
    'carLight',
    'carShadow',
    'carWhite',
    'elecbike',
    'fight',
    'kettle',
    'labMan',
    'man',
    'manCall',
    'manCar',
    'manWalking',
    'manlight',
    'manwithbag',
    'nightCar',
    'peopleshadow',
    'running',
    'snow',
    'tricycle',
    'walking',
    'walking2',
    'walkingnight',
)


def vifb_method_means() -> dict[str, dict[str, float]]:
    """The means of VIFB's 13 metrics over its 21 pairs for 26 methods, as the benchmark's authors published them."""
    with (Path(__file__).parent / 'vifb_method_means.csv').open() as file:
        return {row.pop('method'): {name: float(value) for name, value in row.items()} for row in csv.DictReader(file)}


def rank(methods: Mapping[str, Scores]) -> dict[str, dict[str, float]]:
    """The rank of each method for each metric, 1 being the best; equal methods share the mean of their ranks."""
    metrics = list(next(iter(methods.values())))
    signs = np.array([1 if lower_is_better(name) else -1 for name in metrics])
    values = signs * np.array([[scores[name] for name in metrics] for scores in methods.values()])
    better = (values[None] < values[:, None]).sum(1)
    equal = (values[None] == values[:, None]).sum(1)
    places = better + (equal + 1) / 2
    return {method: dict(zip(metrics, row.tolist(), strict=True)) for method, row in zip(methods, places, strict=True)}


def mean_rank(methods: Mapping[str, Scores]) -> dict[str, float]:
    """The mean rank of each method over all metrics, the best first."""
    means = {method: float(np.mean(list(places.values()))) for method, places in rank(methods).items()}
    return dict(sorted(means.items(), key=lambda item: item[1]))
