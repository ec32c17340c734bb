"""The tools that look at a pretraining run, on a short one."""

import subprocess
from pathlib import Path

import cv2
import pytest
from helpers.pretraining import joint_config, write_images, write_teacher
from helpers.warm_process import run_tool
from mmengine.runner import Runner

from mmdefusion.scenes import write_scenes

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / 'tools/analysis_tools'
KEPT_TOKENS = ROOT / 'configs/detection/defusionpp-guided_vit-tiny_atss_1xb4-500i_scenes-160x128_kept-tokens.py'


def run(tool: str, *args) -> subprocess.CompletedProcess:
    return run_tool(TOOLS / tool, *args)


@pytest.fixture(scope='module')
def trained(tmp_path_factory) -> Path:
    """A folder with a config, images, and a work dir of four iterations, validated twice."""
    root = tmp_path_factory.mktemp('run')
    write_images(root / 'vi', 4)
    write_images(root / 'ir', 4, seed=1)
    write_teacher(root / 'teacher.pth')
    config = joint_config(root, max_iters=4)
    config.train_cfg.val_interval = 2
    for loader in config.train_dataloader.values():
        loader.num_workers = 0
    config.dump(root / 'config.py')
    config.default_hooks.checkpoint.interval = 4
    Runner.from_cfg(config).train()
    return root


def test_curves(trained, tmp_path):
    result = run(
        'plot_pretraining.py', trained / 'work', trained / 'work', '--random', trained / 'config.py',
        '--out', tmp_path / 'curves.png',
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    rows = [
        line.split('psnr')[0].strip()
        for line in result.stdout.splitlines()
        if line.startswith(('random ', 'iteration'))
    ]
    assert rows == ['random', 'iteration 2', 'iteration 4', 'iteration 6', 'iteration 8']
    assert cv2.imread(str(tmp_path / 'curves.png')).std() > 10
    result = run('plot_pretraining.py', tmp_path)
    assert result.returncode == 1 and 'no validation scores' in result.stderr


def test_attention_maps(trained, tmp_path):
    pair = trained / 'vi/000.png', trained / 'ir/000.png'
    result = run('attention_maps.py', *pair, trained / 'work/iter_4.pth', '--out', tmp_path / 'a/maps.png')
    assert result.returncode == 0, result.stderr
    assert cv2.imread(str(tmp_path / 'a/maps.png')).shape[1] > 3 * 56
    other = write_images(tmp_path / 'other', 1, size=(20, 20)) / '000.png'
    result = run('attention_maps.py', pair[0], other, trained / 'work/iter_4.pth')
    assert result.returncode == 1 and 'are 56x40 and 20x20' in result.stderr
    result = run('attention_maps.py', *pair, trained / 'none.pth')
    assert result.returncode == 1 and 'none.pth is not there' in result.stderr


def test_benchmark(trained):
    result = run('benchmark_pretraining.py', trained / 'config.py', '--iters', 2, '--workers', 0)
    assert result.returncode == 0, result.stderr
    line = result.stdout.splitlines()[-1]
    assert 'iterations/s' in line and 'waiting for data' in line and 'MiB' in line and '2 iterations' in line


def test_benchmark_of_a_detector_that_keeps_tokens_or_counts_epochs(tmp_path):
    """The hook that keeps tokens belongs to the steps."""
    pytest.importorskip('mmdet')
    scenes = write_scenes(tmp_path / 'scenes', 6, 2, 0)
    options = ['--iters', 1, '--workers', 0, '--cfg-options']
    options += [f'{name}_dataloader.dataset.data_root={scenes}' for name in ('train', 'test')]
    for epochs in ([], [f'train_cfg.{one}' for one in ('_delete_=True', 'type=EpochBasedTrainLoop', 'max_epochs=2')]):
        result = run('benchmark_pretraining.py', KEPT_TOKENS, *options, *epochs)
        assert result.returncode == 0 and '1 iterations' in result.stdout.splitlines()[-1], result.stderr
