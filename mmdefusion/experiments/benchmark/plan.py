"""One data set, many models, the same budget: what a fair comparison trains."""

import copy
import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mmengine.config import Config

from mmdefusion.apis import shipped_weights
from mmdefusion.evaluation.results import short_name

from ..trial import Trial
from .data_set import DATA_KEYS, DataSet, is_of_data, merge
from .fused_images import reads_fused_images, use_fused_images

WARM_UP = 0.1  # share of the iterations


@dataclass(frozen=True)
class Budget:
    """How long each model is trained: so many iterations, or epochs of the data set."""

    amount: int
    epochs: bool = False

    @classmethod
    def parse(cls, text: str) -> 'Budget':
        """From ``'500i'`` or ``'12e'``.

        Raises:
            ValueError: if the text is something else.
        """
        number, unit = text[:-1], text[-1:]
        if unit not in ('i', 'e') or not number.isdigit() or int(number) < 1:
            raise ValueError(f"{text!r} is neither iterations, such as '500i', nor epochs, such as '12e'.")
        return cls(int(number), unit == 'e')

    def iterations(self, images: int, batch_size: int) -> int:
        """Iterations that the budget comes to on a data set of so many images."""
        return self.amount * math.ceil(images / batch_size) if self.epochs else self.amount


@dataclass(frozen=True)
class Comparison:
    """What is the same for all models.

    Attributes:
        data: the data set.
        budget: of training; warm-up and decay are fitted to it, and the batch size is the data set's.
        work_dir: of everything that is written.
        weights: of pretraining, for models of DeFusion++'s network; None trains all of them from random weights.
        processes: of each training, that each take a batch; epochs are shorter then.
        options: settings of every model's config, ``key.sub`` to value; those of the data are read by
            :meth:`DataSet.load`.
    """

    data: DataSet
    budget: Budget
    work_dir: Path
    weights: str | None = None
    processes: int = 1
    options: dict = field(default_factory=dict)

    @property
    def fused(self) -> Path:
        """Folder of the fused pictures (:func:`write_fused_images`)."""
        return self.work_dir / 'fused'

    def plan(self, model: Path, seed: int) -> Trial:
        """One training and test of one model.

        Args:
            model: a config of the zoo, a baseline, or any of a pair's detectors and segmenters.
            seed: of weights, order and augmentation.

        Raises:
            ValueError: if the model is of another toolbox than the data set, or an option has no effect.
        """
        folder = self.work_dir / 'trials' / f'{short_name(model)}_seed{seed}'
        config = self._compose(model, seed, folder)
        needed = [self.weights] if self.weights and is_defusionpp(config) else []
        needed += [shipped_weights()] if reads_fused_images(config) else []
        basis = [self.data.digest, *(hashlib.sha256(Path(file).read_bytes()).hexdigest() for file in needed)]
        if self.processes > 1:
            basis.append(f'{self.processes} processes')
        return Trial.of(config, folder, ' '.join(basis))

    def _compose(self, model: Path, seed: int, folder: Path) -> Config:
        config, data = Config.fromfile(model), self.data
        if config.default_scope != data.toolbox:
            raise ValueError(
                f'{model.name} is a model of {config.default_scope}, {data.path.name} is data of {data.toolbox}.'
            )
        for key in DATA_KEYS:
            config[key] = copy.deepcopy(data.config[key])
        merge(config, {key: value for key, value in self.options.items() if not is_of_data(key)})
        if reads_fused_images(config):
            use_fused_images(config, data.root, self.fused)
        if 'mask_head' in (config.model.get('roi_head') or {}) and not loads_masks(config):
            raise ValueError(f'{model.name} needs masks, {data.path.name} loads none: LoadAnnotations(with_mask=True).')
        set_classes(config.model, len(data.classes))
        iterations = self.budget.iterations(len(data.train), config.train_dataloader.batch_size * self.processes)
        set_iterations(config, iterations)
        config.randomness = dict(seed=seed)
        config.load_from = None
        if self.weights and is_defusionpp(config):
            start_from(config, self.weights)
        config.val_dataloader = config.val_evaluator = config.val_cfg = None  # tested once, at the end: none is picked
        if data.toolbox == 'mmseg':
            predictions = dict(iou_metrics=['mIoU'], output_dir=str(folder / 'predictions'))
            config.test_evaluator.update(type='mmdefusion.ClassIoUMetric', **predictions)
        else:
            config.test_evaluator.update(metric='bbox', classwise=True, outfile_prefix=str(folder / 'predictions'))
        check_options(config, self.options)
        return config


def check_options(config: Config, options: dict) -> None:
    """Raises a ValueError where the budget, the seed, the weights or the data had the last word."""
    for key, value in options.items():
        if '.pipeline.' in key:  # counted otherwise where a step was put in
            continue
        found = config
        for part in key.split('.'):
            found = found[int(part)] if isinstance(found, list | tuple) else found.get(part)
        if found != value:
            raise ValueError(
                f'--cfg-options {key}={value} has no effect: it is {found} by --budget, --seeds, --weights or --data.'
            )


def set_classes(model: dict, count: int) -> None:
    """Fits all heads of a model's config to a number of classes."""
    if (before := model.get('num_classes')) not in (None, count):
        model['num_classes'] = count
        for loss in (part for part in model.values() if isinstance(part, dict)):
            if isinstance(loss.get('class_weight'), list | tuple):
                loss['class_weight'] = fit_weights(loss['class_weight'], before, count)
    for part in model.values():
        for inner in part if isinstance(part, list | tuple) else [part]:
            if isinstance(inner, dict):
                set_classes(inner, count)


def fit_weights(weights: Sequence[float], before: int, count: int) -> list[float]:
    """Class weights for another number of classes: equal ones, and that of 'no object' at the end if there is one."""
    return [1.0] * count + list(weights[before:])


def set_iterations(config: Config, iterations: int) -> None:
    """Trains for so many iterations, with one checkpoint half way to resume from and one at the end."""
    warm_up = max(1, round(WARM_UP * iterations))
    config.train_cfg = dict(type='IterBasedTrainLoop', max_iters=iterations, val_interval=iterations + 1)
    config.param_scheduler = [dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=warm_up)]
    if iterations > warm_up:  # one iteration has nothing to decay over
        config.param_scheduler.append(dict(type='CosineAnnealingLR', by_epoch=False, begin=warm_up, end=iterations))
    config.train_dataloader.sampler = dict(type='InfiniteSampler', shuffle=True)
    config.default_hooks.checkpoint.update(interval=max(1, iterations // 2), max_keep_ckpts=2, by_epoch=False)
    config.default_hooks.logger.update(interval=max(1, min(20, iterations // 10)))


def is_defusionpp(config: Config) -> bool:
    """Whether a model holds DeFusion++'s network, on both images or twice on one."""
    return config.model.backbone.type.endswith(('DeFusionEncoder', 'DeFusionPP'))


def start_from(config: Config, weights: str) -> None:
    """Lets a model of DeFusion++'s network begin with weights of pretraining, for which DeFusionPP has other names."""
    if config.model.backbone.type.endswith('DeFusionPP'):
        config.model.backbone.init_cfg = dict(type='Pretrained', checkpoint=weights)
    else:
        config.load_from = weights


def loads_masks(config: Config) -> bool:
    """Whether the training pipeline loads masks of instances."""
    return any(step.get('with_mask') for step in config.train_dataloader.dataset.pipeline)
