"""Composes the trainings of a fair comparison: one data set, many models, the same budget."""

import copy
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict

from mmdefusion.models.checkpoints.errors import CheckpointError
from mmdefusion.models.checkpoints.fetching import hash_weights, local_path
from mmdefusion.models.checkpoints.vit_file import is_public
from mmdefusion.models.checkpoints.weights_fit import read_weights
from mmdefusion.utils.type_names import type_name
from mmdefusion.version import __version__

from ..trial import Trial
from .budget import Budget
from .data_set import DATA_KEYS, DataSet, is_of_data, merge
from .fused_images import reads_fused_images, use_fused_images
from .kept_tokens import kept_tokens_hooks, leave_places_out, let_images_say_their_place
from .light import make_light
from .models import Candidate
from .pace import Pace, measure_pace

WARM_UP = 0.1  # share of the iterations
AT_MOST = 1000  # iterations from checkpoint to checkpoint, which an interrupted training loses
ENCODERS = ('DeFusionEncoder', 'MultiScaleEncoder')
CONVOLUTIONAL = ('EfficientNetLite0', 'ResNet')  # backbones of the baselines, for which a ViT's weights are none


@dataclass(frozen=True)
class Comparison:
    """The settings that are the same for all models.

    Attributes:
        data: the data set.
        budget: budget of each training; warm-up and decay are fitted to it, and the batch size is that of the data set.
        work_dir: folder of everything that is written.
        processes: processes of each training, each of which takes a batch, so that an epoch has fewer iterations.
        options: settings of every config, from ``key.sub`` to value; :meth:`DataSet.load` reads those of the data.
        light: whether all models get light heads (:func:`make_light`).
    """

    data: DataSet
    budget: Budget
    work_dir: Path
    processes: int = 1
    options: dict = field(default_factory=dict)
    light: bool = False

    @property
    def fused(self) -> Path:
        """Folder of the fused images (:func:`write_fused_images`), another one if the pairs or what fuses change."""
        basis = ' '.join([__version__, hash_weights('tiny'), self.data.digest])
        return self.work_dir / 'fused' / hashlib.sha256(basis.encode()).hexdigest()[:16]

    def plan(self, model: Candidate, seed: int) -> Trial:
        """Plans one training with its test.

        Args:
            model: a detector or segmenter of pairs.
            seed: seed of weights, order and augmentation.

        Raises:
            ValueError: if the model belongs to another toolbox than the data set, or an option has no effect.
            RuntimeError: if the budget is a time and the model cannot be trained for a step.
        """
        if not self.budget.timed:
            return self._plan(model, seed)
        pace = measure_pace(self._plan(model, 0, Pace(60)), self.work_dir / 'paces' / f'{model.name}.json')
        return self._plan(model, seed, Pace(pace.seconds, pace.before / self.processes))

    def _plan(self, model: Candidate, seed: int, pace: Pace | None = None) -> Trial:
        folder = self.work_dir / 'trials' / f'{model.name}_seed{seed}'
        config = self._compose(model, seed, folder, pace)
        needed = [model.weights] if model.weights and (model.own or is_defusionpp(config)) else []
        needed += ['tiny'] if reads_fused_images(config) else []
        needed += [file for file in starting_points(config.model) if local_path(file).is_file()]
        basis = [self.data.digest, *map(hash_weights, needed)]
        if self.processes > 1:
            basis.append(f'{self.processes} processes')
        return Trial.of(config, folder, ' '.join(basis), self.work_dir)

    def _compose(self, model: Candidate, seed: int, folder: Path, pace: Pace | None) -> Config:
        config, data, name = Config.fromfile(model.path), self.data, model.path.name
        if config.default_scope != data.toolbox:
            raise ValueError(
                f'{name} is a model of {config.default_scope}, {data.path.name} is data of {data.toolbox}.'
            )
        for key in DATA_KEYS:
            config[key] = copy.deepcopy(data.config[key])
        if self.light:
            make_light(config)
        set_classes(config.model, len(data.classes))  # before options, which may weight the classes
        merge(config, {key: value for key, value in self.options.items() if not is_of_data(key)})
        if reads_fused_images(config):
            use_fused_images(config, data.root, self.fused)
        leave_places_out(config)
        if kept_tokens_hooks(config):
            let_images_say_their_place(config)
        if 'mask_head' in (config.model.get('roi_head') or {}) and not loads_masks(config):
            raise ValueError(f'{name} needs masks, {data.path.name} loads none: LoadAnnotations(with_mask=True).')
        set_classes(config.model, len(data.classes))  # again: an option must not change their number
        batch_size = config.train_dataloader.batch_size * self.processes
        set_iterations(config, self.budget.iterations(len(data.train), batch_size, pace))
        config.randomness = dict(seed=seed)
        config.load_from = None
        if model.weights and (model.own or is_defusionpp(config)):
            start_from(config, model.weights)
        config.val_dataloader = config.val_evaluator = config.val_cfg = None  # tested once, at the end
        if data.toolbox == 'mmseg':
            predictions = dict(iou_metrics=['mIoU'], output_dir=str(folder / 'predictions'))
            config.test_evaluator.update(type='mmdefusion.ClassIoUMetric', **predictions)
        else:
            config.test_evaluator.update(metric='bbox', classwise=True, outfile_prefix=str(folder / 'predictions'))
        check_options(config, self.options)
        return config


def check_options(config: Config, options: dict) -> None:
    """Raises a ValueError if the budget, the seed, the weights or the data override an option."""
    for key, value in options.items():
        if '.pipeline.' in key:  # inserted steps change the numbers of later ones
            continue
        found = find_option(config, key)
        if found != value:
            raise ValueError(
                f'--cfg-options {key}={value} has no effect: it is {found} by --budget, --seeds, --weights or --data.'
            )


def find_option(config: Config, key: str) -> Any:
    """What a config has at ``key.0.sub``; None if it has nothing there."""
    found = config
    for part in key.split('.'):
        if isinstance(found, list | tuple):
            found = found[int(part)] if part.isdecimal() and int(part) < len(found) else None
        else:
            found = found.get(part) if isinstance(found, dict | Config) else None
    return found


def set_classes(model: dict, count: int) -> None:
    """Sets the number of classes of all heads in a model's config, in place."""
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
    """Class weights for another number of classes: equal ones, and at the end that of 'no object' if there is one."""
    return [1.0] * count + list(weights[before:])


def set_iterations(config: Config, iterations: int) -> None:
    """Sets the number of iterations, with a checkpoint half way or every 1,000 iterations, and one at the end."""
    warm_up = max(1, round(WARM_UP * iterations))
    config.train_cfg = dict(type='IterBasedTrainLoop', max_iters=iterations, val_interval=iterations + 1)
    config.param_scheduler = [dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=warm_up)]
    if iterations > warm_up:  # a single iteration has no decay
        config.param_scheduler.append(dict(type='CosineAnnealingLR', by_epoch=False, begin=warm_up, end=iterations))
    config.train_dataloader.sampler = dict(type='InfiniteSampler', shuffle=True)
    interval = max(1, min(iterations // 2, AT_MOST))
    config.default_hooks.checkpoint.update(interval=interval, max_keep_ckpts=2, by_epoch=False)
    config.default_hooks.logger.update(interval=max(1, min(20, iterations // 10)))


def is_defusionpp(config: Config) -> bool:
    """Whether a model has DeFusion++'s network, also as a single-sensor baseline."""
    return type_name(config.model.backbone) in (*ENCODERS, 'DeFusionPP')


def starting_points(part: Any) -> Iterator[str]:
    """The files and names of the weights that parts of a model's config start from."""
    if isinstance(part, dict) and isinstance(part.get('checkpoint'), str):
        yield part['checkpoint']
    if isinstance(part, dict | list | tuple):
        for inner in part.values() if isinstance(part, dict) else part:
            yield from starting_points(inner)


def start_from(config: Config, weights: str) -> None:
    """Lets a model start from pretrained weights: DeFusion++'s network, its encoder from a public ViT, a spatial prior
    from one that was pretrained, or the stock backbone of a baseline.

    Raises:
        ValueError: if it has none of them, or they are only a part of what its config starts from.
    """
    backbone = config.model.backbone
    kind = type_name(backbone)
    if kind == 'SpatialPrior':
        backbone.init_cfg = dict(type='Pretrained', checkpoint=weights)
        return
    held = read_weights(weights) if is_defusionpp(config) else {}
    if held and all(key.startswith('prior.') for key in held):
        if not backbone.get('spatial_prior'):
            raise ValueError(f'{config.filename}: {weights} holds a spatial prior, and this model has none.')
        backbone.spatial_prior.init_cfg = dict(type='Pretrained', checkpoint=weights)
        return
    public = is_public(held)
    if public and kind == 'DeFusionPP' and backbone.get('init_cfg'):
        raise ValueError(
            f'{config.filename}: {weights} is an encoder alone, and this model starts whole from '
            f'{backbone.init_cfg.checkpoint}: compare a config without init_cfg of its backbone.'
        )
    if kind in ENCODERS and not public:
        config.load_from = weights  # brings the neck, too
        return
    if kind == 'DeFusionPP' and public:
        part = backbone.setdefault('encoder', ConfigDict())
    elif is_defusionpp(config) or 'backbone' in backbone:
        part = backbone.get('backbone', backbone)
    else:
        raise ValueError(f'{config.filename}: {backbone.type} cannot start from {weights}.')
    if 'type' in part and type_name(part) in CONVOLUTIONAL and _holds_vit(weights):  # MMEngine would only warn
        raise ValueError(f'{config.filename}: {weights} holds a ViT, from which {type_name(part)} cannot start.')
    part.init_cfg = dict(type='Pretrained', checkpoint=weights)


def _holds_vit(weights: str) -> bool:
    try:
        return any('cls_token' in key for key in read_weights(weights))
    except (OSError, CheckpointError):  # a stock backbone may name what only MMEngine knows to read
        return False


def loads_masks(config: Config) -> bool:
    """Whether the training pipeline loads instance masks."""
    return any(step.get('with_mask') for step in config.train_dataloader.dataset.pipeline)
