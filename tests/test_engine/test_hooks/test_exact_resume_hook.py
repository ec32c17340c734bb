from pathlib import Path

import pytest
import torch
from helpers.toy_run import toy_config
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner

RUNTIME = Path(__file__).parents[3] / 'configs/_base_/detection_runtime.py'


class StopHook(Hook):
    """Pulls the plug before an iteration."""

    priority = 'HIGHEST'

    def __init__(self, at: int) -> None:
        self.at = at

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter == self.at:
            raise KeyboardInterrupt


def train(config, stop_at: int | None = None) -> dict[str, torch.Tensor]:
    runner = Runner.from_cfg(config)
    if stop_at is None:
        runner.train()
    else:
        runner.register_hook(StopHook(stop_at))
        with pytest.raises(KeyboardInterrupt):
            runner.train()
    return {name: value.clone() for name, value in runner.model.state_dict().items()}


def iterations(**loader) -> dict:
    return dict(train_dataloader=loader)


def epochs(**loader) -> dict:
    """Three passes of six batches."""
    return dict(
        train_dataloader=dict(loader, sampler=dict(type='DefaultSampler')),
        train_cfg=dict(type='EpochBasedTrainLoop', max_epochs=3),
        default_hooks=dict(checkpoint=dict(by_epoch=True, interval=1)),
    )


# checkpoints after every second iteration; a pass has six
WITHIN = dict(epochs(), default_hooks=dict(checkpoint=dict(by_epoch=False, interval=2)))


@pytest.mark.parametrize(
    'options, stop_at',
    [
        (iterations(), 5),
        (iterations(num_workers=2, persistent_workers=True), 5),
        (iterations(sampler=dict(type='DefaultSampler')), 15),  # in the third pass
        (iterations(batch_sampler=dict(type='mmdet.AspectRatioBatchSampler')), 5),
        (epochs(), 8),
        (epochs(num_workers=2, persistent_workers=True), 8),
        (WITHIN, 9),  # goes on from 8, in the second pass
        (WITHIN, 13),  # from 12, which ends it
        (dict(custom_hooks=[dict(type='EMAHook', momentum=0.3)]), 5),
        (dict(randomness=dict(seed=None)), 5),  # a seed that nobody knows but the checkpoint
        (dict(randomness=dict(diff_rank_seed=True)), 5),
    ],
    ids=[
        'alone',
        'workers',
        'passes',
        'aspect',
        'epochs',
        'epochs-workers',
        'within',
        'end',
        'ema',
        'seedless',
        'ranks',
    ],
)
def test_ends_with_the_same_weights(tmp_path, options, stop_at):
    if 'batch_sampler' in options.get('train_dataloader', {}):
        pytest.importorskip('mmdet')
    max_iters = 6 if stop_at < 15 else 18

    def config(name: str, **more):
        config = toy_config(tmp_path / name, RUNTIME, max_iters, **options)
        if 'max_epochs' in config.train_cfg:
            del config.train_cfg['max_iters']
        config.merge_from_dict(more)
        return config

    cut = train(config('cut'), stop_at)
    resumed = train(config('cut', resume=True))
    seed = torch.load(next((tmp_path / 'cut').glob('*.pth')))['meta']['seed']
    whole = train(config('whole', randomness=dict(seed=seed)))
    assert not torch.equal(cut['layers.0.weight'], whole['layers.0.weight'])
    for name, value in whole.items():
        assert torch.equal(resumed[name], value), name


def test_hooks_see_the_numbers_of_a_pass_that_goes_on(tmp_path):
    """And with them its end, as of a pass without an interruption."""

    class Watch(Hook):
        seen: list[tuple[int, int, bool]] = []

        def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
            self.seen.append((runner.epoch, batch_idx, self.end_of_epoch(runner.train_dataloader, batch_idx)))

    def config(**more) -> Config:
        made = toy_config(tmp_path, RUNTIME, 18, **WITHIN, **more)
        del made.train_cfg['max_iters']
        return made

    train(config(), stop_at=9)
    runner = Runner.from_cfg(config(resume=True))
    runner.register_hook(Watch())
    runner.train()
    assert Watch.seen == [(epoch, index, index == 5) for epoch in (1, 2) for index in range(6)][2:]


@pytest.mark.parametrize(('before', 'after'), [(2, 4), (3, 4)])
def test_an_epoch_of_other_batches_begins_anew(tmp_path, before, after):
    """Nobody knows which of its samples were trained on; a finished epoch stays finished."""

    def config(batch_size: int, max_epochs: int, **more) -> Config:
        made = toy_config(tmp_path, RUNTIME, 18, **epochs(batch_size=batch_size))
        made.merge_from_dict(dict(more, train_cfg=dict(max_epochs=max_epochs)))
        del made.train_cfg['max_iters']
        return made

    train(config(before, 1))
    runner = Runner.from_cfg(config(after, 2, resume=True))
    runner.train()
    assert runner.epoch == 2 and runner.iter == 12 // before + 12 // after


def test_draws_do_not_depend_on_the_number_of_workers(tmp_path):
    few, many = (
        train(toy_config(tmp_path / str(workers), RUNTIME, train_dataloader=dict(num_workers=workers)))
        for workers in (0, 3)
    )
    assert torch.equal(few['layers.0.weight'], many['layers.0.weight'])


def test_what_was_trained_on_is_not_loaded_again(tmp_path):
    train(toy_config(tmp_path, RUNTIME), stop_at=5)
    runner = Runner.from_cfg(toy_config(tmp_path, RUNTIME, resume=True))
    loaded = []
    runner._train_loop = runner.build_train_loop(runner._train_loop)
    dataset = runner.train_dataloader.dataset
    load = dataset.prepare_data
    dataset.prepare_data = lambda index: (loaded.append(index), load(index))[1]
    runner.train()
    assert runner.iter == 6 and len(loaded) == 2 * 2  # iterations 5 and 6, two samples each


def test_fewer_samples_than_a_batch_are_refused(tmp_path):
    loader = dict(batch_size=20, drop_last=True, sampler=dict(type='DefaultSampler'))
    runner = Runner.from_cfg(toy_config(tmp_path, RUNTIME, train_dataloader=loader))
    with pytest.raises((ValueError, StopIteration), match='has 12 samples, and its loader makes no batch'):
        runner.train()
