"""Hooks of pretraining, each in a short run."""

import os
from contextlib import nullcontext
from logging import getLogger
from types import SimpleNamespace

import cv2
import pytest
import torch
from helpers.pretraining import joint_config, write_images, write_teacher
from mmengine.runner import Runner
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from mmdefusion.engine.hooks import BrokenFilesHook, ClosedFormInitHook, closed_form_init_hook
from mmdefusion.engine.hooks.pretraining_panel_hook import panel


@pytest.fixture
def config(tmp_path):
    write_images(tmp_path / 'vi', 8)
    write_images(tmp_path / 'ir', 8, seed=1)
    write_teacher(tmp_path / 'teacher.pth')
    config = joint_config(tmp_path, max_iters=2)
    for loader in config.train_dataloader.values():
        loader.num_workers = 0
    return config


def test_panel(config, tmp_path):
    config.custom_hooks.append(dict(type='mmdefusion.PretrainingPanelHook', interval=5, num_images=3, width=40))
    Runner.from_cfg(config).train()
    sheets = list((tmp_path / 'work').glob('*/vis_data/vis_image/pretraining_2.png'))
    assert len(sheets) == 1
    sheet = cv2.imread(str(sheets[0]))
    assert sheet.shape[1] > 11 * 40 and sheet.shape[0] > 3 * 40
    assert sheet.std() > 20


def test_no_panel_without_held_out_images(config):
    config.custom_hooks.append(dict(type='mmdefusion.PretrainingPanelHook'))
    config.val_dataloader = config.val_cfg = config.val_evaluator = None
    with pytest.raises(ValueError, match='set val_dataloader, or leave the hook out'):
        Runner.from_cfg(config).train()


def test_the_panel_changes_nothing(config, tmp_path):
    plain = Runner.from_cfg(config).train().state_dict()
    config.custom_hooks.append(dict(type='mmdefusion.PretrainingPanelHook', interval=1))
    config.work_dir = str(tmp_path / 'other')
    config.experiment_name = 'other'
    drawn = Runner.from_cfg(config).train().state_dict()
    for name, value in plain.items():
        assert torch.equal(value, drawn[name]), name


def test_a_loss_that_is_no_number_stops_the_run(config, tmp_path):
    config.default_hooks.checkpoint.interval = 1
    runner = Runner.from_cfg(config)
    step = runner.model.loss

    def broken(inputs):
        return {
            name: value * torch.nan if name == 'loss_infrared_teacher' else value
            for name, value in step(inputs).items()
        }

    runner.model.loss = broken
    with pytest.raises(FloatingPointError, match=r'Iteration 2: .*loss_infrared_teacher nan.*resume from the latest'):
        runner.train()
    state = torch.load(tmp_path / 'work/iter_1.pth')['state_dict']
    assert all(value.isfinite().all() for value in state.values())
    assert not (tmp_path / 'work/iter_2.pth').exists()


def test_weights_that_are_no_number_are_not_saved(config, tmp_path):
    config.default_hooks.checkpoint.interval = 1
    runner = Runner.from_cfg(config)
    runner.model.fused_head.proj.bias.register_hook(lambda gradient: gradient * torch.nan)  # the loss is finite
    with pytest.raises(
        FloatingPointError, match='Iteration 1: 1 weights are not finite, first fused_head.proj.b.*nothing was'
    ):
        runner.train()
    assert not list((tmp_path / 'work').glob('*.pth'))


def test_broken_files_are_listed(config, tmp_path):
    (tmp_path / 'vi/003.png').write_bytes(b'no image')
    for loader in config.train_dataloader.values():
        loader.dataset.max_broken_share = 0.3
        loader.batch_size = 8
    config.val_dataloader = config.val_cfg = config.val_evaluator = None
    config.custom_hooks.append(dict(type='mmdefusion.BrokenFilesHook', interval=100))
    Runner.from_cfg(config).train()
    listed = (tmp_path / 'work/broken_files.txt').read_text().split()
    assert listed == [str(tmp_path / 'vi/003.png')]

    (tmp_path / 'work/broken_files.txt').write_text('/found/before.png\n')  # by the run that this one goes on from
    config.experiment_name = 'resumed'
    Runner.from_cfg(config).train()
    assert (tmp_path / 'work/broken_files.txt').read_text().split() == ['/found/before.png', *listed]


def test_broken_files_whose_names_are_no_text(tmp_path):
    """Linux takes any bytes as a name."""
    names = [os.fsdecode(b'/a/caf\xe9.png'), '/a/new\u2028line.png']
    broken = SimpleNamespace(paths=lambda: names)
    loader = SimpleNamespace(dataset=Set([1, 2], broken))
    runner = SimpleNamespace(train_loop=SimpleNamespace(dataloader=loader), work_dir=tmp_path, logger=getLogger('x'))
    hook = BrokenFilesHook()
    for _ in range(2):
        hook._write(runner)
        lines = (tmp_path / 'broken_files.txt').read_bytes().decode('utf-8', 'surrogateescape').split('\n')
        assert lines == [*sorted(names), '']
        names.append('/b.png')


class Set(list):
    """A data set of which files are broken."""

    def __init__(self, items, broken):
        super().__init__(items)
        self.broken = broken


def test_closed_form_start_but_not_of_what_is_loaded(config, tmp_path):
    config.custom_hooks.append(dict(type='mmdefusion.ClosedFormInitHook', num_images=8))
    config.optim_wrapper.optimizer.lr = 0.0
    runner = Runner.from_cfg(config)
    before = runner.model.fused_head.proj.weight.clone()
    fitted = runner.train().fused_head.proj.weight
    assert not torch.equal(fitted, before)

    state = torch.load(tmp_path / 'work/iter_2.pth')['state_dict']
    state['fused_head.proj.weight'] *= 2
    torch.save({'state_dict': state}, tmp_path / 'other.pth')
    config.load_from, config.experiment_name = str(tmp_path / 'other.pth'), 'loaded'
    assert torch.equal(Runner.from_cfg(config).train().fused_head.proj.weight, 2 * fitted)

    config.model.backbone.init_cfg = dict(type='Pretrained', checkpoint=config.load_from, prefix='backbone.')
    config.load_from, config.experiment_name = None, 'twice'
    with pytest.raises(ValueError, match='ClosedFormInitHook would overwrite the pretrained weights'):
        Runner.from_cfg(config).train()


def test_closed_form_weights_travel_by_the_cpu(monkeypatch):
    """A tensor of a GPU is unpickled on that GPU: in all processes on the first one's."""
    sent, got = [], []
    monkeypatch.setattr(closed_form_init_hook, 'init_in_closed_form', lambda model, batches: None)
    monkeypatch.setattr(closed_form_init_hook, 'broadcast_object_list', lambda state: sent.extend(state))
    monkeypatch.setattr(ClosedFormInitHook, '_batches', lambda hook, loader, model: [])
    with FakeTensorMode():  # knows GPUs where there is none
        weight = torch.empty(2, device='cuda')
        model = SimpleNamespace(
            init_cfg=None,
            backbone=SimpleNamespace(init_cfg=None),
            state_dict=lambda: dict(weight=weight),
            load_state_dict=lambda state, strict: got.append(state),
        )
        loop = SimpleNamespace(dataloader=None)
        ClosedFormInitHook().before_train(
            SimpleNamespace(iter=0, _load_from=None, model=model, logger=getLogger('test'), train_loop=loop)
        )
    assert weight.is_cuda and sent == got and sent[0]['weight'].device == torch.device('cpu')


def test_the_panel_leaves_other_gpus_alone(monkeypatch):
    """Keeping the numbers of all GPUs would open each in every process."""
    kept = []

    class Fork(nullcontext):
        def __init__(self, devices=None) -> None:
            super().__init__()
            kept.append(devices)

    class Model(nn.Module):
        def seeded_views(self, images, samples):
            raise EOFError

    monkeypatch.setattr(torch.random, 'fork_rng', Fork)
    with FakeTensorMode():
        for device in ('cuda:1', 'cpu'):
            with pytest.raises(EOFError):
                panel(Model(), torch.empty(1, device=device), [])
    assert kept == [[torch.device('cuda:1')], []]


@pytest.mark.parametrize('compiled', [False, pytest.param(True, marks=pytest.mark.soak)])
def test_everyday_options_together(config, tmp_path, compiled):
    """What docs/pretraining.md names as a line in the config."""
    pytest.importorskip('tensorboard')
    config.merge_from_dict(
        {
            'optim_wrapper.type': 'mmdefusion.BFloat16OptimWrapper',
            'optim_wrapper.accumulative_counts': 2,
            'model.backbone.with_cp': True,
            'compile': dict(backend='eager') if compiled else False,
            'visualizer.vis_backends': [dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')],
            'default_hooks.checkpoint.interval': 2,
            'train_cfg.max_iters': 4,
        }
    )
    config.custom_hooks.append(dict(type='EMAHook', momentum=0.5))
    config.custom_hooks.append(dict(type='mmdefusion.PretrainingPanelHook', interval=2, num_images=1, width=32))
    Runner.from_cfg(config).train()
    state = torch.load(tmp_path / 'work/iter_4.pth')
    raw, averaged = state['ema_state_dict'], state['state_dict']
    assert not torch.equal(raw['module.fused_head.proj.weight'], averaged['fused_head.proj.weight'])
    assert not any('teacher.encoder' in name for name in averaged)
    assert list((tmp_path / 'work').glob('*/vis_data/events.out.tfevents*'))
