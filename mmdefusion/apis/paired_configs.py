"""Configs of models of pairs, as inferencers take them: the data set that a model is tested on, and its classes."""

import copy
import os
from collections.abc import Mapping
from typing import Any

from mmengine.config import Config, ConfigDict
from mmengine.registry import DATASETS

from mmdefusion.datasets.wrapped import inner_datasets
from mmdefusion.utils.type_names import type_name


def config_of_pairs(model: Any, weights: Any) -> Config | ConfigDict:
    """A copy of a config whose test data set has a pipeline: the first one inside wrappers such as ConcatDataset.

    Raises where a toolbox would run the Python that a checkpoint carries as its config, or fetch a model by name.

    Args:
        model: config, or path of a config. It is code: give only a config that you trust.
        weights: the checkpoint.

    Raises:
        FileNotFoundError: if the config's file is not there.
        TypeError: if the config is none.
        ValueError: if there is no config, or no checkpoint, or no ``test_dataloader``, or its data set has no pipeline.
    """
    if model is None:
        raise ValueError(f'model=None would run the config that {weights} carries: give the config that you trust.')
    if isinstance(model, str | os.PathLike) and not os.path.isfile(model):
        raise FileNotFoundError(f'The config {model} is not there: give a file (names of models are not looked up).')
    if weights is None:
        raise ValueError('weights=None leaves the model untrained: give its checkpoint.')
    if not isinstance(model, str | os.PathLike | Config | Mapping):
        kind = type(model).__name__
        article = 'an' if kind[0].lower() in 'aeiou' else 'a'
        raise TypeError(f'The config is {article} {kind}: give a path, or a Config.')
    config = Config.fromfile(os.fspath(model)) if isinstance(model, str | os.PathLike) else copy.deepcopy(model)
    config = config if isinstance(config, Config) else ConfigDict(config)
    loader = config.get('test_dataloader')
    if not loader:
        raise ValueError('The config has no test_dataloader, whose data set says how pairs are read: give a whole one.')
    dataset, wrappers = next(inner_datasets(loader.get('dataset') or {}))
    if 'pipeline' not in dataset or any('pipeline' in wrapper for wrapper in wrappers):
        outer = wrappers[0] if wrappers else dataset
        kind = f'type {type_name(outer)}' if outer.get('type') else 'no type' if outer else 'nothing in it'
        raise ValueError(f'The config tests on no data set with a pipeline (test_dataloader.dataset has {kind}).')
    loader['dataset'] = dataset
    return config


def tested_meta(config: Config | ConfigDict) -> dict[str, Any]:
    """Classes and palette of the data set that a config tests on, as far as it has any; the data is not looked at."""
    dataset = config.test_dataloader.dataset
    kind, meta = dataset.get('type'), dataset.get('metainfo') or {}
    if isinstance(kind, str):
        with DATASETS.switch_scope_and_registry(None) as registry:
            kind = registry.get(kind)
    # MMEngine's own reading of METAINFO and of names in files, which takes no instance
    found = kind._load_metainfo(dict(meta)) if hasattr(kind, '_load_metainfo') else meta
    return {key: tuple(found[key]) for key in ('classes', 'palette') if isinstance(found.get(key), list | tuple)}
