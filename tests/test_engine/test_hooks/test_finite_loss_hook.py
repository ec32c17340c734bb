from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from helpers.toy_run import ToyModel, toy_config
from mmengine.runner import Runner
from torch.ao.quantization import MinMaxObserver

from mmdefusion.engine.hooks import FiniteLossHook
from mmdefusion.models.checkpoints.errors import CheckpointError
from mmdefusion.models.checkpoints.weights_fit import read_weights

RUNTIMES = sorted((Path(__file__).parents[3] / 'configs/_base_').glob('*_runtime.py'))
RUNTIMES = [path for path in RUNTIMES if path.stem in ('detection_runtime', 'segmentation_runtime')]


def finite(path: Path) -> bool:
    return all(value.isfinite().all() for name, value in torch.load(path)['state_dict'].items() if name != 'mask')


@pytest.mark.parametrize('runtime', RUNTIMES, ids=lambda path: path.stem)
@pytest.mark.parametrize(
    'broken, message',
    [
        ('loss', 'Iteration 4: a loss is not finite .loss nan.*resume from the latest'),
        ('gradient', 'Iteration 4: .* weights are not finite, first layers.*nothing was saved'),
    ],
)
def test_ends_where_something_is_no_number_and_keeps_the_checkpoints(tmp_path, runtime, broken, message):
    config = toy_config(tmp_path, runtime, model=dict(broken=broken, break_at=4))
    config.default_hooks.checkpoint.update(interval=1, max_keep_ckpts=2)
    with pytest.raises(FloatingPointError, match=message):
        Runner.from_cfg(config).train()
    kept = sorted(tmp_path.glob('*.pth'))
    assert [path.name for path in kept] == ['iter_2.pth', 'iter_3.pth']
    assert all(map(finite, kept))


def test_masks_of_infinities_may_stay(tmp_path):
    runner = Runner.from_cfg(toy_config(tmp_path, RUNTIMES[0], max_iters=2))
    runner.train()
    assert read_weights(tmp_path / 'iter_2.pth')['mask'][1] == -torch.inf  # as tests, load_from and publishing do


@pytest.mark.parametrize('value', [[0.0, torch.nan], [0.5, torch.inf], [torch.inf, torch.inf]])
def test_buffers_that_nothing_would_read_end_a_run_before_it_begins(tmp_path, value):
    runner = Runner.from_cfg(toy_config(tmp_path, RUNTIMES[0], max_iters=2))
    runner.model.mask.copy_(torch.tensor(value))
    line = r'^1 buffers of the model are not finite before .* first mask: .*_buffer\(..., persistent=False\)\.$'
    with pytest.raises(FloatingPointError, match=line):
        runner.train()
    runner = Runner.from_cfg(toy_config(tmp_path, RUNTIMES[0], max_iters=2))
    runner.model.register_buffer('mask', torch.tensor(value), persistent=False)  # in no checkpoint
    runner.train()


def test_observers_of_quantization_may_begin_with_infinities(tmp_path):
    runner = Runner.from_cfg(toy_config(tmp_path, RUNTIMES[0], max_iters=2))
    observer = MinMaxObserver()
    assert observer.min_val.isinf()
    runner.model.layers.append(observer)
    runner.train()
    assert read_weights(tmp_path / 'iter_2.pth')['layers.4.min_val'].isfinite()


def test_no_parameters_are_gathered_to_look_at_buffers(monkeypatch):
    """FSDP collects those of all processes for a ``state_dict()``."""
    model = ToyModel()
    monkeypatch.setattr(model, 'state_dict', None)
    FiniteLossHook().before_train(SimpleNamespace(model=model))
    model.layers[1].running_var.fill_(torch.inf)
    with pytest.raises(FloatingPointError, match='first layers.1.running_var'):
        FiniteLossHook().before_train(SimpleNamespace(model=model))


@pytest.mark.parametrize('name', ['bias', 'a.weight', 'bn.running_var', 'mask'])
def test_one_rule_for_what_is_saved_and_read(tmp_path, name):
    torch.save({'state_dict': {name: torch.tensor([0.0, torch.inf])}}, tmp_path / 'a.pth')
    with nullcontext() if name == 'mask' else pytest.raises(CheckpointError, match=f"infinite.*first '{name}'"):
        read_weights(tmp_path / 'a.pth')


def test_running_statistics_are_not_saved_either(tmp_path):
    runner = Runner.from_cfg(toy_config(tmp_path, RUNTIMES[0], max_iters=2))
    step = runner.model.train_step

    def broken(*args, **options):
        losses = step(*args, **options)
        runner.model.layers[1].running_mean.fill_(torch.nan)
        return losses

    runner.model.train_step = broken
    with pytest.raises(FloatingPointError, match='1 weights are not finite, first layers.1.running_mean'):
        runner.train()
    assert not list(tmp_path.glob('*.pth'))
