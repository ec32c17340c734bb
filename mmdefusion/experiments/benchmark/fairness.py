"""Checks whether a comparison is fair, and describes it."""

from collections.abc import Sequence

from mmengine.config import Config

from mmdefusion.datasets.pipeline_faults import PLACE
from mmdefusion.utils.type_names import type_name

from .kept_tokens import kept_tokens_hooks
from .plan import Comparison, starting_points

KEPT = 'With kept tokens, frozen encoders see whole pairs (and their mirror images) once, before the first iteration.'


def describe_fairness(configs: Sequence[Config], comparison: Comparison) -> list[str]:
    """Checks that everything else is the same for all models, and describes it in sentences.

    Args:
        configs: configs of all models.
        comparison: the comparison.

    Raises:
        ValueError: if something differs.
    """
    facts = {
        'the training split': lambda c: _source(c.train_dataloader.dataset),
        'the test split': lambda c: _source(c.test_dataloader.dataset),
        'the augmentation': lambda c: [
            [step for step in c.train_dataloader.dataset.pipeline if not _replaces(step)],
            c.model.data_preprocessor.get('batch_augments'),
        ],
        'the number of pairs seen': lambda c: c.train_cfg.max_iters * c.train_dataloader.batch_size,
        'the schedule': lambda c: c.param_scheduler,
        'the optimizer': lambda c: c.optim_wrapper,
    }
    if comparison.budget.timed:  # by design, each at its own pace
        facts = {name: look for name, look in facts.items() if name not in ('the number of pairs seen', 'the schedule')}
    for name, look in facts.items():
        found = [look(config) for config in configs]
        if any(other != found[0] for other in found):
            raise ValueError(f'The comparison is not fair: {name} is not the same for all models.')
    first, starts, hooks = configs[0], [name_start(config) for config in configs], [name_hooks(one) for one in configs]
    batch_size = first.train_dataloader.batch_size * comparison.processes
    pairs = len(comparison.data.train)
    optimizer = first.optim_wrapper.optimizer
    options = [f'{key}={value}' for key, value in comparison.options.items()]
    return [
        f'All train on the same {pairs} pairs {_length(configs, comparison, batch_size)}, with the same augmentation.',
        f'The same optimizer ({optimizer.type}, learning rate {optimizer.lr:g}) and schedule (warm-up and cosine).',
        'Each is tested once, after its last iteration; no checkpoint is picked on the test split.',
        f'All start from {starts[0]}.' if len(set(starts)) == 1 else f'They start, in turn, from {", ".join(starts)}.',
        *([f'They train with hooks of their own, in turn: {"; ".join(hooks)}.'] if len(set(hooks)) > 1 else []),
        *([KEPT] if any(map(kept_tokens_hooks, configs)) else []),
        *(['All have light heads: maps of 64 channels and one convolution.'] if comparison.light else []),
        *([f'Settings of all models: {", ".join(options)}.'] if options else []),
    ]


def _length(configs: Sequence[Config], comparison: Comparison, batch_size: int) -> str:
    counts = [config.train_cfg.max_iters for config in configs]
    if not comparison.budget.timed:
        return f'and see {counts[0] * batch_size} of them ({counts[0]} iterations of {batch_size})'
    clock = 'of training steps, by the processor time of a step that was measured beforehand'
    return f'for {comparison.budget.amount:g} minutes {clock} ({", ".join(map(str, counts))} iterations, in turn)'


def name_start(config: Config) -> str:
    """The checkpoints that a model and parts of it start from."""
    whole = [config.load_from] if config.load_from else []
    return ' and '.join(dict.fromkeys([*whole, *starting_points(config.model)])) or 'random weights'


def name_hooks(config: Config) -> str:
    """The hooks that a training has besides the usual ones and kept tokens, such as averaged weights."""
    kept = kept_tokens_hooks(config)
    return ', '.join(type_name(hook) for hook in config.get('custom_hooks') or [] if hook not in kept) or 'none'


def _source(dataset: dict) -> list:
    return [dataset.type, dataset.get('ann_file'), dataset.get('data_prefix'), dataset.get('data_root')]


def _replaces(step: dict) -> bool:
    """Whether a step gives a model its own input, and augments nothing."""
    return type_name(step) in ('ReplaceVisible', PLACE)
