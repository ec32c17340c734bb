from pathlib import Path

import cv2
import pytest
from helpers.warm_process import run_tool

from mmdefusion.scenes import write_scenes

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize('kind', ['detection', 'segmentation'])
def test_boxes_and_masks_on_both_images(kind, tmp_path):
    pytest.importorskip('mmdet' if kind == 'detection' else 'mmseg')
    scenes = write_scenes(tmp_path / 'scenes', train=3, test=1, size=(96, 80))
    config = ROOT / f'configs/_base_/datasets/scenes-{kind}.py'
    command = [ROOT / 'tools/analysis_tools/browse_dataset.py', config, '--out', tmp_path / 'sheet.png']
    command += ['--width', 96, '--cfg-options', f'train_dataloader.dataset.data_root={scenes}']
    result = run_tool(*command)
    assert result.returncode == 0 and '3 of 3 pairs' in result.stdout, result.stderr
    sheet = cv2.imread(str(tmp_path / 'sheet.png'))
    assert sheet.shape[1] > 4 * 96
    infrared = sheet[40:120, 104:190].astype(int)  # grey but for what is drawn on it
    assert (infrared.max(2) - infrared.min(2) > 40).any()
