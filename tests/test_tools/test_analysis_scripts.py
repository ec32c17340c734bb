"""The toolboxes' own analysis scripts read what our models' tests write."""

import json
from pathlib import Path

import cv2
import pytest
import torch
from helpers import layouts
from helpers.tools_in_process import run, stock
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmdefusion.registry import MODELS
from mmdefusion.scenes import write_scenes

ROOT = Path(__file__).resolve().parents[2]
DETECTOR = ROOT / 'configs/demo/defusionpp_vit-nano_atss_1xb2-500_scenes-160x128.py'
SEGMENTER = ROOT / 'configs/segmentation/defusionpp_vit-tiny_upernet_1xb4-80k_msrs-480x480.py'


def write_checkpoint(config: Path, path: Path) -> Path:
    """Of an untrained model."""
    config = Config.fromfile(config)
    init_default_scope(config.default_scope)
    torch.save(dict(state_dict=MODELS.build(config.model).state_dict(), meta=dict(dataset_meta={})), path)
    return path


@pytest.mark.slow
def test_of_detectors(tmp_path):
    analyze = stock('mmdet', 'analysis_tools')
    scenes = write_scenes(tmp_path / 'scenes', train=1, test=2, size=(96, 64))
    options = [f'test_dataloader.dataset.data_root={scenes}', f'test_evaluator.ann_file={scenes}/test.json']
    options += ['model.test_cfg.score_thr=0.0', 'model.test_cfg.max_per_img=5']
    weights = write_checkpoint(DETECTOR, tmp_path / 'weights.pth')
    results = tmp_path / 'results.pkl'
    arguments = [DETECTOR, weights, '--out', results, '--work-dir', tmp_path / 'test', '--cfg-options', *options]
    run(ROOT / 'tools/test.py', *arguments, cwd=tmp_path)
    run(
        analyze / 'confusion_matrix.py', DETECTOR, results, tmp_path / 'matrix', '--cfg-options', *options, cwd=tmp_path
    )
    assert cv2.imread(str(tmp_path / 'matrix/confusion_matrix.png')).std() > 1
    arguments = [DETECTOR, results, tmp_path / 'best', '--topk', 1, '--cfg-options', *options]
    run(analyze / 'analyze_results.py', *arguments, cwd=tmp_path)
    assert len(list((tmp_path / 'best').glob('*/*.png'))) == 2  # the best and the worst
    (log,) = (tmp_path / 'test').rglob('*.json')
    assert 'coco/bbox_mAP' in json.loads(log.read_text().splitlines()[-1])


@pytest.mark.slow
def test_of_segmenters(tmp_path):
    pytest.importorskip('mmseg')
    layouts.segmentation(tmp_path / 'data/test', 'vi', 'ir', 'Segmentation_labels', 9, count=2)
    weights = write_checkpoint(SEGMENTER, tmp_path / 'weights.pth')
    options = [f'test_dataloader.dataset.data_root={tmp_path}/data', f'test_evaluator.output_dir={tmp_path}/masks']
    options += ['model.test_cfg.mode=whole', 'test_dataloader.num_workers=0']
    options += ['test_dataloader.persistent_workers=False']
    arguments = [SEGMENTER, weights, '--work-dir', tmp_path / 'test', '--cfg-options', *options]
    run(ROOT / 'tools/test.py', *arguments, cwd=tmp_path)
    analyze = stock('mmseg', 'analysis_tools')
    arguments = [SEGMENTER, tmp_path / 'masks', tmp_path / 'matrix', '--cfg-options', *options]
    run(analyze / 'confusion_matrix.py', *arguments, cwd=tmp_path)
    assert cv2.imread(str(tmp_path / 'matrix/confusion_matrix.png')).std() > 1
