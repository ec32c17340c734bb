"""Finds the data sets inside RepeatDataset, ConcatDataset and other wrappers, by their configs."""

from collections.abc import Iterator, Mapping
from typing import Any


def inner_datasets(
    dataset: Mapping[str, Any], wrappers: tuple[Mapping[str, Any], ...] = ()
) -> Iterator[tuple[Mapping[str, Any], tuple[Mapping[str, Any], ...]]]:
    """Yields each data set that is no wrapper, and the wrappers around it, outermost first.

    Args:
        dataset: config of a data set; wrappers are found by their keys ``datasets`` and ``dataset``.
        wrappers: those around it.
    """
    inside = dataset.get('datasets') or ([dataset['dataset']] if 'dataset' in dataset else [])
    if not inside:
        yield dataset, wrappers
    for one in inside:
        yield from inner_datasets(one, (*wrappers, dataset))
