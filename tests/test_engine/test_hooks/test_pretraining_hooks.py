"""Hooks of pretraining, each in a short run."""

import cv2
import pytest
import torch
from mmengine.runner import Runner
from pretraining import joint_config, write_images, write_teacher


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
        return {name: value * torch.nan if name == 'loss_teacher_a' else value for name, value in step(inputs).items()}

    runner.model.loss = broken
    with pytest.raises(FloatingPointError, match=r'Iteration 2: .*loss_teacher_a nan.*resume from the latest'):
        runner.train()
    state = torch.load(tmp_path / 'work/iter_1.pth')['state_dict']
    assert all(value.isfinite().all() for value in state.values())
    assert not (tmp_path / 'work/iter_2.pth').exists()


def test_broken_files_are_listed(config, tmp_path):
    (tmp_path / 'vi/003.png').write_bytes(b'no image')
    for loader in config.train_dataloader.values():
        loader.dataset.max_broken_share = 0.3
        loader.batch_size = 8
    config.val_dataloader = config.val_cfg = config.val_evaluator = None
    config.custom_hooks.append(dict(type='mmdefusion.BrokenFilesHook', interval=100))
    Runner.from_cfg(config).train()
    listed = (tmp_path / 'work/broken_files.txt').read_text().split()
    assert set(listed) == {str(tmp_path / 'vi/003.png')}


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
