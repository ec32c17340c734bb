"""What modality dropout is for: a model that has seen pairs without one image loses less when a sensor fails."""

import re
from pathlib import Path

import pytest
from helpers.tools_in_process import run

from mmdefusion.scenes import write_scenes

pytest.importorskip('mmseg')
ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / 'configs/demo/defusionpp_vit-nano_fcn_1xb2-850_scenes-160x128.py'
ITERATIONS = 200


def mean_iou(work_dir: Path, options: list[str], missing: str) -> float:
    """On the test scenes, one sensor gone."""
    weights = work_dir / f'iter_{ITERATIONS}.pth'
    arguments = [CONFIG, weights, '--missing', missing, '--work-dir', work_dir, '--cfg-options', *options]
    printed = run(ROOT / 'tools/test.py', *arguments, cwd=work_dir)
    return float(re.findall(r'mIoU: ([\d.]+)', printed)[-1])


@pytest.mark.soak
def test_a_model_trained_with_it_loses_less(tmp_path):
    scenes = write_scenes(tmp_path / 'scenes', train=120, test=30, size=(96, 64))
    common = [f'{split}_dataloader.dataset.data_root={scenes}' for split in ('train', 'test')]
    common += [f'train_cfg.max_iters={ITERATIONS}', 'train_dataloader.batch_size=4']
    common += [f'default_hooks.checkpoint.interval={ITERATIONS}', f'param_scheduler.1.end={ITERATIONS}']
    gone = {}
    for dropout in (0.0, 0.4):
        options = [*common, f'model.data_preprocessor.modality_dropout={dropout}']
        work_dir = tmp_path / f'dropout-{dropout}'
        work_dir.mkdir()
        run(ROOT / 'tools/train.py', CONFIG, '--work-dir', work_dir, '--cfg-options', *options, cwd=work_dir)
        gone[dropout] = [mean_iou(work_dir, options, missing) for missing in ('visible', 'infrared')]
    assert sum(gone[0.4]) > sum(gone[0.0]) + 1, gone  # 68 and 63 where it was written
