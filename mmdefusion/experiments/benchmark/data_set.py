"""The data set of a comparison."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.registry import init_default_scope

from mmdefusion.datasets.transforms import AppendPartner
from mmdefusion.datasets.transforms.append_partner import append_partner_of
from mmdefusion.registry import DATASETS
from mmdefusion.visualization.drawing import class_colours, hide_background

from ..data_digest import digest_infos

DATA_KEYS = ('train_dataloader', 'test_dataloader', 'test_evaluator')
EVALUATORS = {'CocoMetric': 'mmdet', 'IoUMetric': 'mmseg'}


@dataclass(frozen=True)
class DataSet:
    """The training and test pairs of a comparison.

    Attributes:
        config: config with dataloaders and evaluators; its model and schedule are not used.
        path: path of the config.
        train: the ``data_info`` of each training pair.
        test: the ``data_info`` of each test pair.
        classes: names of the classes.
        palette: RGB colour of each class.
        ids: ids of the classes in the files of predictions.
    """

    config: Config
    path: Path
    train: list[dict]
    test: list[dict]
    classes: tuple[str, ...]
    palette: Sequence[Sequence[int]]
    ids: Sequence[int]

    @classmethod
    def load(cls, path: Path, options: dict | None = None) -> 'DataSet':
        """Reads the config and the lists of pairs.

        Args:
            path: path of the config.
            options: settings, from ``key.sub`` to value; those that do not concern the data are ignored.

        Raises:
            ValueError: if the config has no dataloaders or evaluators, an option does not fit it, test pairs are
                training pairs, or two test pairs would share a file of predictions.
            OSError: if the data do not exist.
        """
        config = Config.fromfile(path)
        merge(config, {key: value for key, value in (options or {}).items() if is_of_data(key)})
        if missing := [key for key in DATA_KEYS if key not in config]:
            raise ValueError(f'{path} has no {", ".join(missing)}: give a config of a data set or of a whole model.')
        evaluator = config.test_evaluator.get('type') if isinstance(config.test_evaluator, dict) else None
        if evaluator not in EVALUATORS:
            raise ValueError(f'{path}: test_evaluator must be one of {", ".join(EVALUATORS)}, not {evaluator}.')
        config.default_scope = EVALUATORS[evaluator]
        init_default_scope(config.default_scope)
        for key in ('train_dataloader', 'test_dataloader'):
            if 'pipeline' not in config[key].dataset:
                raise ValueError(f'{path}: {key}.dataset is wrapped: give a data set with a pipeline of its own.')
        datasets = [DATASETS.build(config[key].dataset) for key in ('train_dataloader', 'test_dataloader')]
        train, test = map(read_infos, datasets)
        if both := {info['img_path'] for info in train} & {info['img_path'] for info in test}:
            raise ValueError(f'{len(both)} test images are training images, such as {min(both)}.')
        if config.default_scope == 'mmseg':
            check_names(test)
        if config.get('night'):
            compile_pattern(config.night, path)
        classes = tuple(datasets[0].metainfo['classes'])
        palette = hide_background(classes, class_colours(datasets[0].metainfo.get('palette'), len(classes)))
        # without a COCO file, the metric makes one, with ids from 0
        own_ids = config.default_scope == 'mmdet' and config.test_evaluator.get('ann_file')
        return cls(config, path, train, test, classes, palette, datasets[1].cat_ids if own_ids else range(len(classes)))

    @property
    def toolbox(self) -> str:
        """'mmdet' or 'mmseg'."""
        return self.config.default_scope

    @property
    def backend_args(self) -> dict | None:
        """How files of the test split are read."""
        return self.config.test_dataloader.dataset.get('backend_args')

    @property
    def resizes(self) -> bool:
        """Whether partners of another size are resized, as the test pipeline says."""
        append = append_partner_of(self.config.test_dataloader.dataset.pipeline)
        return append is not None and append.size_mismatch == 'resize'

    @cached_property
    def digest(self) -> str:
        """A digest of the names, sizes and dates of the files and of their annotations."""
        return digest_infos([*self.train, *self.test])

    @cached_property
    def root(self) -> str:
        """The common folder of all visible images."""
        return os.path.commonpath([os.path.dirname(info['img_path']) for info in (*self.train, *self.test)])

    @property
    def marks_night(self) -> bool:
        """Whether the config has ``night``, a regular expression that matches the paths of night images."""
        return bool(self.config.get('night'))

    def is_night(self, info: dict) -> bool:
        """Whether a pair was taken at night."""
        return re.search(self.config.night, Path(info['img_path']).as_posix()) is not None


def is_of_data(key: str) -> bool:
    """Whether an option concerns the data."""
    return key.split('.')[0] in DATA_KEYS


def merge(config: Config, options: dict) -> None:
    """Merges options into a config.

    Raises:
        ValueError: if an option does not fit the config.
    """
    try:
        config.merge_from_dict(options)
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        raise ValueError(f'--cfg-options {options} do not fit {config.filename}: {error}') from None


def check_names(infos: Sequence[dict]) -> None:
    """Raises a ValueError if mmseg's metric would overwrite the mask of one image by that of another."""
    seen = {}
    for info in infos:
        path, stem = info['img_path'], Path(info['img_path']).stem
        if other := seen.get(stem):
            raise ValueError(f'{other} and {path} have the same name, so one mask would replace the other: rename one.')
        seen[stem] = path


def compile_pattern(pattern: str, path: Path) -> None:
    """Raises a ValueError if ``night`` of a config is not a regular expression."""
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f'{path}: night={pattern!r} is no regular expression: {error}') from None


def read_infos(dataset: BaseDataset) -> list[dict]:
    """Reads the ``data_info`` of each pair; for a stock data set, the rule of AppendPartner finds the partner.

    Raises:
        ValueError: if neither knows the path of the partner.
    """
    steps = [step for step in dataset.pipeline.transforms if isinstance(step, AppendPartner)]
    found = [dataset.get_data_info(index) for index in range(len(dataset))]
    for info in found:
        if 'img_ir_path' in info:
            continue
        if not steps:
            raise ValueError(
                f'{type(dataset).__name__} does not say where the partner of {info["img_path"]} is, and its pipeline '
                'has no AppendPartner: use a paired data set (docs/datasets.md), or give AppendPartner a rule.'
            )
        info['img_ir_path'] = steps[0].find(info)
    return found
