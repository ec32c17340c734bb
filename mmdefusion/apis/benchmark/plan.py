"""One data set, many models, the same budget: what a fair comparison trains."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mmengine.config import Config
from mmengine.registry import init_default_scope
from rich.progress import track

from mmdefusion.datasets.transforms.replace_visible import replacement
from mmdefusion.registry import DATASETS
from mmdefusion.utils.files import write_image

from ..fusion_inferencer import FusionInferencer
from ..trial import Trial

DATA_KEYS = ('train_dataloader', 'val_dataloader', 'test_dataloader', 'val_evaluator', 'test_evaluator')
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
        toolbox = 'mmseg' if 'IoU' in config.test_evaluator.type else 'mmdet'
        config.default_scope = toolbox
        init_default_scope(toolbox)
        train = DATASETS.build(config.train_dataloader.dataset)
        classes = tuple(train.metainfo['classes'])
        palette = train.metainfo.get('palette') or [[(37 * k) % 256, (91 * k) % 256, 200] for k in range(len(classes))]
        return cls(config, path, len(train), classes, palette)

    @property
    def root(self) -> str:
        """Folder that the paths of images are below."""
        return self.config.train_dataloader.dataset.get('data_root') or '.'

    @property
    def toolbox(self) -> str:
        """'mmdet' or 'mmseg'."""
        return self.config.default_scope


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
        config.pop(key, None)
        config[key] = data.config[key].copy()
    if reads_fused_images(config):
        use_fused_images(config, data.root, fused)
    set_classes(config.model, len(data.classes))
    iterations = budget.iterations(data.images, config.train_dataloader.batch_size)
    set_iterations(config, iterations)
    config.randomness = dict(seed=seed)
    config.load_from = weights if weights and is_defusionpp(config) else None
    config.val_dataloader = config.val_evaluator = config.val_cfg = None  # tested once, at the end: none is picked
    if data.toolbox == 'mmseg':
        config.test_evaluator.update(type='mmdefusion.ClassIoUMetric', output_dir=str(folder / 'predictions'))
    else:
        config.test_evaluator.update(classwise=True, outfile_prefix=str(folder / 'predictions'))
    return config


def set_classes(model: dict, count: int) -> None:
    """Fits all heads of a model's config to a number of classes."""
    if isinstance(model.get('class_weight'), list | tuple) and model.get('loss_weight') is not None:
        model['class_weight'] = fit_weights(model['class_weight'], count)
    if 'num_classes' in model:
        model['num_classes'] = count
    for part in model.values():
        for inner in part if isinstance(part, list | tuple) else [part]:
            if isinstance(inner, dict):
                set_classes(inner, count)


def fit_weights(weights: Sequence[float], count: int) -> list[float]:
    """Class weights for another number of classes: equal ones, but for that of 'no object' at the end."""
    extra = len(set(weights[:-1])) == 1 and weights[-1] != weights[0]
    return [1.0] * count + ([weights[-1]] if extra else [])


def set_iterations(config: Config, iterations: int) -> None:
    """Trains for so many iterations, with one checkpoint half way to resume from and one at the end."""
    warm_up = max(1, round(WARM_UP * iterations))
    config.train_cfg = dict(type='IterBasedTrainLoop', max_iters=iterations, val_interval=iterations + 1)
    config.param_scheduler = [
        dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=warm_up),
        dict(type='CosineAnnealingLR', by_epoch=False, begin=warm_up, end=iterations),
    ]
    config.train_dataloader.sampler = dict(type='InfiniteSampler', shuffle=True)
    config.default_hooks.checkpoint.update(interval=max(1, iterations // 2), max_keep_ckpts=1, by_epoch=False)
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
        infos = (dataset.get_data_info(index) for index in range(len(dataset)))
        pairs += [(info['img_path'], info['img_ir_path']) for info in infos]
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
        'the optimizer': lambda c: c.optim_wrapper.optimizer,
    }
    for name, look in facts.items():
        found = [look(config) for config in configs]
        if any(other != found[0] for other in found):
            raise ValueError(f'The comparison is not fair: {name} is not the same for all models.')
    first, last = configs[0], [config.load_from for config in configs]
    seen = first.train_cfg.max_iters * first.train_dataloader.batch_size
    optimizer = first.optim_wrapper.optimizer
    started = {True: 'from random weights', False: f'from {next(filter(None, last), None)} where the network fits'}
    return [
        f'All train on the same {data.images} pairs and see {seen} of them ({first.train_cfg.max_iters} iterations of '
        f'{first.train_dataloader.batch_size}), with the same augmentation.',
        f'The same optimizer ({optimizer.type}, learning rate {optimizer.lr:g}) and schedule (warm-up and cosine).',
        'Each is tested once, after its last iteration; no checkpoint is picked on the test split.',
        f'All start {started[not any(last)]}.',
    ]


def _source(dataset: dict) -> list:
    return [dataset.type, dataset.get('ann_file'), dataset.get('data_prefix'), dataset.get('data_root')]


def _replaces(step: dict) -> bool:
    return step['type'].endswith('ReplaceVisible')


def plan(model: Path, data: DataSet, budget: Budget, seed: int, weights: str | None, work_dir: Path) -> Trial:
    """One training and test of one model."""
    folder = work_dir / 'trials' / f'{short_name(model)}_seed{seed}'
    config = compose(model, data, budget, seed, weights, folder, work_dir / 'fused')
    basis = hashlib.sha256(Path(config.load_from).read_bytes()).hexdigest() if config.load_from else ''
    return Trial.of(config, folder, basis)


def short_name(model: Path) -> str:
    """What a config is called in reports: its name without batch, schedule and data set."""
    return model.stem.split('_1xb')[0]
