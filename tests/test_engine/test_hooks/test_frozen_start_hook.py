"""The first layer of the toy model is frozen for two iterations."""

from pathlib import Path

import pytest
import torch
from helpers.toy_run import toy_config
from mmengine.runner import Runner

from mmdefusion.engine.hooks import FrozenStartHook, frozen_start_hook

RUNTIME = Path(__file__).resolve().parents[3] / 'configs/_base_/detection_runtime.py'


def config(folder, max_iters, parts=('layers.0', 'layers.1'), **options):
    hook = dict(type='mmdefusion.FrozenStartHook', parts=list(parts), iters=2)
    made = toy_config(folder, RUNTIME, max_iters, custom_hooks=[hook], **options)
    made.default_hooks.checkpoint.interval = 1
    return made


def weights(folder, iteration):
    return torch.load(folder / f'iter_{iteration}.pth')['state_dict']


def test_the_parts_rest_and_then_learn(tmp_path):
    runner = Runner.from_cfg(config(tmp_path, 3))
    runner.load_or_resume()
    start = {name: value.clone() for name, value in runner.model.state_dict().items()}
    runner.train()
    rested, learnt = weights(tmp_path, 2), weights(tmp_path, 3)
    for name in ('layers.0.weight', 'layers.1.weight', 'layers.1.running_mean'):
        assert torch.equal(rested[name], start[name]), name
        assert not torch.equal(learnt[name], start[name]), name
    assert not torch.equal(rested['layers.3.weight'], start['layers.3.weight'])
    assert all(part.training for part in runner.model.layers)
    assert all(weight.requires_grad for weight in runner.model.parameters())


def test_a_resumed_run_knows_where_it_is(tmp_path):
    Runner.from_cfg(config(tmp_path / 'whole', 4)).train()
    for stop in (1, 3, 4):
        Runner.from_cfg(config(tmp_path / 'resumed', stop, resume=stop > 1)).train()
    for name, value in weights(tmp_path / 'whole', 4).items():
        assert torch.equal(value, weights(tmp_path / 'resumed', 4)[name]), name


def test_what_the_config_froze_stays_frozen(tmp_path):
    runner = Runner.from_cfg(config(tmp_path, 3))
    runner.model.layers[0].bias.requires_grad_(False)
    bias = runner.model.layers[0].bias.detach().clone()
    runner.train()
    assert torch.equal(weights(tmp_path, 3)['layers.0.bias'], bias)


FINDING = dict(find_unused_parameters=True)


@pytest.mark.parametrize('options', [{}, FINDING, dict(model_wrapper_cfg=FINDING)])
def test_several_processes_look_for_parts_without_gradients(options, tmp_path, monkeypatch):
    runner = Runner.from_cfg(config(tmp_path, 1, **options))
    hook = next(hook for hook in runner.hooks if isinstance(hook, FrozenStartHook))
    monkeypatch.setattr(frozen_start_hook, 'is_model_wrapper', lambda model: True)
    runner.model.module = runner.model
    if options:
        hook.before_train(runner)
    else:
        with pytest.raises(ValueError, match='in several processes needs find_unused_parameters=True'):
            hook.before_train(runner)


def test_an_unknown_part(tmp_path):
    with pytest.raises(ValueError, match=r"no part 'neck'; it has .*layers and what is in them"):
        Runner.from_cfg(config(tmp_path, 1, parts=['neck'])).train()
