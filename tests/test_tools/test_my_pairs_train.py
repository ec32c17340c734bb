"""The configs of docs/tutorials/my_data.md train two iterations and are tested, on files that were filled in."""

import sys
from pathlib import Path

import pytest
from helpers.my_pairs import CLASSES, fill_in
from helpers.pages import ROOT, blocks
from helpers.tools_in_process import printed_score, run
from helpers.watched_training import watched_training
from helpers.zoo import write_dinov2

from mmdefusion.models.checkpoints.shipped import named

pytest.importorskip('mmdet')
pytest.importorskip('mmseg')
PAGE = ROOT / 'docs/tutorials/my_data.md'
TEXT = PAGE.read_text()
GUIDED, BEST = [block.code for block in blocks(PAGE) if block.language == 'python' and '_base_ = [' in block.code]
BOXES = 'model = dict(bbox_head=dict(num_classes=2))'
SMALL = 'model = dict(bbox_head=dict(num_classes=2, anchor_generator=dict(octave_base_scale=4)))'
MASKS = 'model = dict(roi_head=dict(bbox_head=dict(num_classes=2), mask_head=dict(num_classes=2)))'
MAPS = 'model = dict(decode_head=dict(num_classes=3), auxiliary_head=dict(num_classes=3))'
FEW = [  # on a CPU box heads are most of the time
    'model.test_cfg.rcnn.score_thr=0.0',
    'model.test_cfg.rpn.max_per_img=16',
    'model.train_cfg.rpn_proposal.max_per_img=16',
    'model.train_cfg.rcnn.sampler.num=16',
]
CASES = {  # how the page says to change one of its configs, and what a test prints
    'boxes': ('detection', GUIDED, {}, 'bbox_mAP_50'),
    'small boxes': ('detection', GUIDED, {BOXES: SMALL}, 'bbox_mAP_50'),
    'boxes, best': ('detection', BEST, {}, 'bbox_mAP_50'),
    'masks': ('detection', GUIDED, {'atss_guided-tiny': 'mask-rcnn_guided-tiny', BOXES: MASKS}, 'segm_mAP_50'),
    'label maps': ('segmentation', GUIDED, {'atss_': 'fcn_', 'detection_': 'segmentation_', BOXES: MAPS}, 'mIoU'),
    'label maps, best': ('segmentation', BEST, {'atss_': 'fcn_', 'detection_': 'segmentation_', BOXES: MAPS}, 'mIoU'),
}


@pytest.mark.slow
@pytest.mark.parametrize('case', CASES)
def test_what_a_user_writes_trains_and_tests(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task, code, changes, score = CASES[case]
    fill_in(task, tmp_path, {'with_mask =': 'with_mask = True'} if case == 'masks' else None)
    for old, new in changes.items():
        assert old in code and (new.endswith('_') or new in TEXT), f'the page lacks {new}'
        code = code.replace(old, new)
    code = code.replace('num_classes=2', 'num_classes=3') if task == 'detection' else code.replace('=3)', '=4)')
    assert f'num_classes={len(CLASSES[task])}' in code
    config = tmp_path / 'mine.py'
    config.write_text(code)
    loaders = ('train_dataloader', 'val_dataloader', 'test_dataloader')
    options = [f'{loader}.{key}' for loader in loaders for key in ('num_workers=0', 'persistent_workers=False')]
    options += ['train_dataloader.batch_size=2', 'default_hooks.logger.interval=1', 'train_cfg.max_iters=2']
    if task == 'detection':
        options += FEW if case == 'masks' else ['model.test_cfg.score_thr=0.0']
    if 'best' in case and 'dinov2-small' not in named():
        write_dinov2(tmp_path / 'dinov2.pth')
        options.append(f'model.backbone.encoder.init_cfg.checkpoint={tmp_path / "dinov2.pth"}')
    if 'best' in case and 'efficientnet-lite0' not in named():
        options.append('model.backbone.spatial_prior.backbone.backbone.init_cfg=None')
    if case == 'small boxes':
        options += ['train_cfg.val_interval=2', 'default_hooks.checkpoint.save_best=auto']
    monkeypatch.setattr(sys, 'path', [str(ROOT / 'tools'), *sys.path])
    arguments = ['--work-dir', tmp_path, '--cfg-options', *options]
    with watched_training() as watched:
        said = run(ROOT / 'tools/train.py', config, *arguments, cwd=tmp_path)
    watched.assert_learnt()
    assert len(watched.losses) == 2 and ('KeptTokensHook: tokens of 4 pairs' in said) == ('best' in case)
    assert bool([*tmp_path.glob('best_*.pth')]) == (case == 'small boxes')
    said = run(ROOT / 'tools/test.py', config, tmp_path / 'iter_2.pth', *arguments, cwd=tmp_path)
    assert 0 <= printed_score(said, score) <= (100 if task == 'segmentation' else 1)
