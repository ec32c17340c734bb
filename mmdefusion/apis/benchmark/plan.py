"""One data set, many models, the same budget: what a fair comparison trains."""

import copy
import hashlib
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.registry import init_default_scope
from rich.progress import track

from mmdefusion.datasets.transforms.replace_visible import replacement
from mmdefusion.registry import DATASETS
from mmdefusion.utils.files import write_image

from ..fusion_inferencer import FusionInferencer
from ..model import shipped_weights
from ..trial import Trial

DATA_KEYS = ('train_dataloader', 'test_dataloader', 'test_evaluator')
EVALUATORS = {'CocoMetric': 'mmdet', 'IoUMetric': 'mmseg'}
READER = 'LoadImageFromFile'
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
        """Of a data set of so many images."""
        return self.amount * math.ceil(images / batch_size) if self.epochs else self.amount


@dataclass(frozen=True)
class DataSet:
    """What the benchmark is about.

    Attributes:
        config: with dataloaders and evaluators; its model and schedule are not read.
        path: of the config.
        images: number of training pairs.
        classes: names.
        palette: RGB of each class.
    """

    config: Config
    path: Path
    images: int
    classes: tuple[str, ...]
    palette: Sequence[Sequence[int]]

    @classmethod
    def load(cls, path: Path) -> 'DataSet':
        """Reads the config and the list of training pairs.

        Raises:
            ValueError: if the config has no dataloaders or evaluators.
            OSError: if the data are not there.
        """
        config = Config.fromfile(path)
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
        train, test = (DATASETS.build(config[key].dataset) for key in ('train_dataloader', 'test_dataloader'))
        seen = {info['img_path'] for info in infos(train)}
        if both := seen & {info['img_path'] for info in infos(test)}:
            raise ValueError(f'{len(both)} test images are training images, such as {min(both)}.')
        classes = tuple(train.metainfo['classes'])
        palette = train.metainfo.get('palette') or [[(37 * k) % 256, (91 * k) % 256, 200] for k in range(len(classes))]
        return cls(config, path, len(train), classes, palette)

    @cached_property
    def digest(self) -> str:
        """Changes with the files' names, sizes and dates and with their annotations."""
        content = hashlib.sha256()
        for loader in (self.config.train_dataloader, self.config.test_dataloader):
            for info in infos(DATASETS.build(loader.dataset)):
                files = [Path(info[key]) for key in ('img_path', 'img_ir_path', 'seg_map_path') if info.get(key)]
                stamps = [(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
                content.update(repr((stamps, info.get('instances'))).encode())
        return content.hexdigest()

    @property
    def root(self) -> str:
        """Folder that the paths of images are below."""
        return self.config.train_dataloader.dataset.get('data_root') or '.'

    @property
    def toolbox(self) -> str:
        """'mmdet' or 'mmseg'."""
        return self.config.default_scope


def infos(dataset: BaseDataset) -> Iterator[dict]:
    """What a data set knows of each pair.

    Raises:
        ValueError: if it does not know the partner.
    """
    for index in range(len(dataset)):
        info = dataset.get_data_info(index)
        if 'img_ir_path' not in info:
            raise ValueError(
                f'{type(dataset).__name__} does not say where the partner of {info["img_path"]} is: use a '
                'paired data set (docs/datasets.md).'
            )
        yield info


def compose(
    model: Path, data: DataSet, budget: Budget, seed: int, weights: str | None, folder: Path, fused: Path
) -> Config:
    """A model's config on the data set, with the budget that is the same for all.

    Args:
        model: a config of the zoo, a baseline, or any of a pair's detectors and segmenters.
        data: the data set.
        budget: of training; warm-up and decay are fitted to it, and the batch size is the data set's.
        seed: of weights, order and augmentation.
        weights: of pretraining, for models of DeFusion++'s network; None trains all of them from random weights.
        folder: where the trial's predictions go.
        fused: where fused pictures are, for models that read those (:func:`write_fused_images`).

    Raises:
        ValueError: if the model is of another toolbox than the data set.
    """
    config = Config.fromfile(model)
    if config.default_scope != data.toolbox:
        raise ValueError(
            f'{model.name} is a model of {config.default_scope}, {data.path.name} is data of {data.toolbox}.'
        )
    for key in DATA_KEYS:
        config[key] = copy.deepcopy(data.config[key])
    if reads_fused_images(config):
        use_fused_images(config, data.root, fused)
    if 'mask_head' in (config.model.get('roi_head') or {}) and not loads_masks(config):
        raise ValueError(f'{model.name} needs masks, and {data.path.name} loads none: LoadAnnotations(with_mask=True).')
    set_classes(config.model, len(data.classes))
    iterations = budget.iterations(data.images, config.train_dataloader.batch_size)
    set_iterations(config, iterations)
    config.randomness = dict(seed=seed)
    config.load_from = weights if weights and is_defusionpp(config) else None
    config.val_dataloader = config.val_evaluator = config.val_cfg = None  # tested once, at the end: none is picked
    if data.toolbox == 'mmseg':
        predictions = dict(iou_metrics=['mIoU'], output_dir=str(folder / 'predictions'))
        config.test_evaluator.update(type='mmdefusion.ClassIoUMetric', **predictions)
    else:
        config.test_evaluator.update(metric='bbox', classwise=True, outfile_prefix=str(folder / 'predictions'))
    return config


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
    config.param_scheduler = [
        dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=warm_up),
        dict(type='CosineAnnealingLR', by_epoch=False, begin=warm_up, end=iterations),
    ]
    config.train_dataloader.sampler = dict(type='InfiniteSampler', shuffle=True)
    config.default_hooks.checkpoint.update(interval=max(1, iterations // 2), max_keep_ckpts=2, by_epoch=False)
    config.default_hooks.logger.update(interval=max(1, min(20, iterations // 10)))


def is_defusionpp(config: Config) -> bool:
    """Whether a model holds DeFusion++'s network, on both images or twice on one."""
    return config.model.backbone.type.endswith('DeFusionEncoder')


def reads_fused_images(config: Config) -> bool:
    """Whether a model wants fused pictures in place of the visible images: its config says ``fused_images = True``."""
    return config.get('fused_images', False)


def use_fused_images(config: Config, root: str, folder: Path) -> None:
    """Has a model read fused pictures in both splits."""
    for loader in (config.train_dataloader, config.test_dataloader):
        pipeline = loader.dataset.pipeline
        place = next(place for place, step in enumerate(pipeline, 1) if step['type'] == READER)
        replace = dict(type='mmdefusion.ReplaceVisible', folder=str(folder), root=root)
        loader.dataset.pipeline = [*pipeline[:place], replace, *pipeline[place:]]


def write_fused_images(data: DataSet, folder: Path, device: str | None = None) -> None:
    """Writes a fused picture of every pair of both splits, where it is not there yet."""
    pairs = []
    for loader in (data.config.train_dataloader, data.config.test_dataloader):
        dataset = DATASETS.build(loader.dataset)
        pairs += [(info['img_path'], info['img_ir_path']) for info in infos(dataset)]
    if below := [visible for visible, infrared in pairs if visible == infrared]:
        raise ValueError(
            f'{below[0]} holds both images: split the files first (tools/dataset_converters/mfnet_pairs.py).'
        )
    targets = {replacement(visible, data.root, str(folder)): (visible, infrared) for visible, infrared in pairs}
    waiting = {target: pair for target, pair in targets.items() if not target.is_file()}
    if not waiting:
        return
    fuser = FusionInferencer(device=device, show_progress=False)
    for target, (visible, infrared) in track(waiting.items(), 'fusing', total=len(waiting)):
        (result,) = fuser([visible], [infrared])
        write_image(target, result.images['fused'])


def describe_fairness(configs: Sequence[Config], data: DataSet) -> list[str]:
    """What is the same for all trainings, checked and put in words.

    Raises:
        ValueError: if something is not.
    """
    facts = {
        'the training split': lambda c: _source(c.train_dataloader.dataset),
        'the test split': lambda c: _source(c.test_dataloader.dataset),
        'the augmentation': lambda c: [step for step in c.train_dataloader.dataset.pipeline if not _replaces(step)],
        'the number of pairs seen': lambda c: c.train_cfg.max_iters * c.train_dataloader.batch_size,
        'the schedule': lambda c: c.param_scheduler,
        'the optimizer': lambda c: c.optim_wrapper,
    }
    for name, look in facts.items():
        found = [look(config) for config in configs]
        if any(other != found[0] for other in found):
            raise ValueError(f'The comparison is not fair: {name} is not the same for all models.')
    first, starts = configs[0], [starting_point(config) or 'random weights' for config in configs]
    seen = first.train_cfg.max_iters * first.train_dataloader.batch_size
    optimizer = first.optim_wrapper.optimizer
    return [
        f'All train on the same {data.images} pairs and see {seen} of them ({first.train_cfg.max_iters} iterations of '
        f'{first.train_dataloader.batch_size}), with the same augmentation.',
        f'The same optimizer ({optimizer.type}, learning rate {optimizer.lr:g}) and schedule (warm-up and cosine).',
        'Each is tested once, after its last iteration; no checkpoint is picked on the test split.',
        f'All start from {starts[0]}.' if len(set(starts)) == 1 else f'They start, in turn, from {", ".join(starts)}.',
    ]


def starting_point(config: Config) -> str | None:
    """The checkpoint that a model, or a part of it, starts from."""
    text = re.search(r"checkpoint='([^']+)'", Config(dict(model=config.model)).pretty_text)
    return config.load_from or (text and text.group(1))


def loads_masks(config: Config) -> bool:
    """Whether the training pipeline loads masks of instances."""
    return any(step.get('with_mask') for step in config.train_dataloader.dataset.pipeline)


def _source(dataset: dict) -> list:
    return [dataset.type, dataset.get('ann_file'), dataset.get('data_prefix'), dataset.get('data_root')]


def _replaces(step: dict) -> bool:
    return step['type'].endswith('ReplaceVisible')


def plan(model: Path, data: DataSet, budget: Budget, seed: int, weights: str | None, work_dir: Path) -> Trial:
    """One training and test of one model."""
    folder = work_dir / 'trials' / f'{short_name(model)}_seed{seed}'
    config = compose(model, data, budget, seed, weights, folder, work_dir / 'fused')
    needed = [config.load_from] if config.load_from else []
    needed += [shipped_weights()] if reads_fused_images(config) else []
    hashes = [hashlib.sha256(Path(file).read_bytes()).hexdigest() for file in needed]
    return Trial.of(config, folder, ' '.join([data.digest, *hashes]))


def short_name(model: Path) -> str:
    """What a config is called in reports: its name without batch, schedule and data set."""
    return model.stem.split('_1xb')[0]
