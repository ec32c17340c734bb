import re
from pathlib import Path

import pytest
from helpers.warm_process import run_tool

from mmdefusion.models.checkpoints.shipped import shipped
from mmdefusion.scenes import write_scenes

pytest.importorskip('mmdet')
pytest.importorskip('mmseg')

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / 'tools/analysis_tools/compare_pretraining.py'
CONFIGS = sorted((ROOT / 'configs/comparison').glob('*scenes*.py'))


@pytest.mark.soak
def test_every_start_and_seed_once(tmp_path):
    scenes = write_scenes(tmp_path / 'scenes', 6, 4, 0)
    loaders = [f'{name}_dataloader.dataset.data_root={scenes}' for name in ('train', 'test')]
    options = [*loaders, 'train_cfg.max_iters=2', 'default_hooks.checkpoint.interval=2']
    command = [TOOL, *CONFIGS[1:], '--weights', str(shipped()['tiny']), '--seeds', '2']
    command += ['--work-dir', tmp_path / 'work', '--cfg-options', *options]
    first = run_tool(*command)
    assert first.returncode == 0, first.stdout + first.stderr
    assert '4 trainings, 4 to do' in first.stdout and 'pretrained' in first.stdout and '±' in first.stdout
    table = (tmp_path / 'work/table.md').read_text()
    assert f'| {CONFIGS[1].stem} | mIoU |' in table
    logs = {path.parent.name: path.read_text() for path in (tmp_path / 'work').glob('*/output.log')}
    for name, log in logs.items():
        assert (f'Load checkpoint from {shipped()["tiny"]}' in log) == ('pretrained' in name)
    second = run_tool(*command)
    assert '4 trainings, 0 to do' in second.stdout and (tmp_path / 'work/table.md').read_text() == table


def test_a_training_that_fails_is_told_in_one_line(tmp_path):
    scenes = write_scenes(tmp_path / 'scenes', 2, 2, 0)
    loaders = [f'{name}_dataloader.dataset.data_root={scenes}' for name in ('train', 'test')]
    command = [TOOL, CONFIGS[0], '--weights', str(shipped()['tiny']), '--seeds', '1', '--work-dir', tmp_path / 'work']
    result = run_tool(*command, '--cfg-options', *loaders, 'optim_wrapper.optimizer.lr=-1')
    assert result.returncode == 1 and 'Traceback' not in result.stderr
    assert re.search(r'_random_seed0 failed: ValueError: .*Invalid learning rate: -1.* \(log: ', result.stderr)
    result = run_tool(*command, '--cfg-options', 'train_dataloader.dataset.data_root=nowhere')
    assert result.returncode == 1 and 'Traceback' not in result.stderr and 'nowhere' in result.stderr


def test_what_is_not_there():
    command = [TOOL, CONFIGS[0], '--weights', 'no.pth']
    result = run_tool(*command)
    assert result.returncode == 2 and 'no.pth is not there' in result.stderr


@pytest.mark.parametrize(
    'options, words',
    [
        (
            ['model.backbone.init_cfg.type=Pretrained', 'model.backbone.init_cfg.checkpoint=vit.pth'],
            'starts from vit.pth',
        ),
        (['train_cfg._delete_=True', 'train_cfg.type=EpochBasedTrainLoop', 'train_cfg.max_epochs=2'], 'counts epochs'),
    ],
)
def test_what_cannot_be_compared(options, words, tmp_path):
    scenes = write_scenes(tmp_path / 'scenes', 2, 2, 0)
    loaders = [f'{name}_dataloader.dataset.data_root={scenes}' for name in ('train', 'test')]
    command = [TOOL, CONFIGS[0], '--weights', str(shipped()['tiny']), '--work-dir', tmp_path / 'work']
    result = run_tool(*command, '--cfg-options', *loaders, *options)
    assert result.returncode == 1 and words in result.stderr and 'Traceback' not in result.stderr
