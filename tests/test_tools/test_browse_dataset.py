from pathlib import Path

import cv2
import pytest
from helpers.warm_process import run_tool

from mmdefusion.scenes import write_scenes

ROOT = Path(__file__).resolve().parents[2]


KEPT = 'configs/segmentation/defusionpp-guided_vit-tiny_fcn_1xb4-500i_scenes-160x128_kept-tokens.py'
CONFIGS = {
    'mmdet': 'configs/_base_/datasets/scenes-detection.py',
    'mmseg': 'configs/_base_/datasets/scenes-segmentation.py',
}


@pytest.mark.parametrize(('toolbox', 'config'), [*CONFIGS.items(), ('mmseg', KEPT)], ids=['boxes', 'masks', 'placed'])
def test_boxes_and_masks_on_both_images(toolbox, config, tmp_path):
    pytest.importorskip(toolbox)
    scenes = write_scenes(tmp_path / 'scenes', train=3, test=1, size=(96, 80))
    config = ROOT / config
    command = [ROOT / 'tools/analysis_tools/browse_dataset.py', config, '--out', tmp_path / 'sheet.png']
    command += ['--width', 96, '--cfg-options', f'train_dataloader.dataset.data_root={scenes}']
    result = run_tool(*command)
    assert result.returncode == 0 and '3 of 3 pairs' in result.stdout, result.stderr
    sheet = cv2.imread(str(tmp_path / 'sheet.png'))
    assert sheet.shape[1] > 4 * 96
    infrared = sheet[40:120, 104:190].astype(int)  # grey but for what is drawn on it
    assert (infrared.max(2) - infrared.min(2) > 40).any()
