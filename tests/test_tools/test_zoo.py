"""Every zoo entry and every baseline builds, trains two iterations and tests, by the stock tools."""

import shutil
from pathlib import Path

import pytest
from helpers.tools_in_process import printed_score, run, stock
from helpers.watched_training import watched_training
from helpers.zoo import write_dinov2

from mmdefusion.models.checkpoints.shipped import named
from mmdefusion.scenes import write_scenes

pytest.importorskip('mmdet')
pytest.importorskip('mmseg')
ROOT = Path(__file__).resolve().parents[2]
FOLDERS = [ROOT / 'configs' / name for name in ('detection', 'segmentation', 'baselines')]
CONFIGS = sorted(path for folder in FOLDERS for path in folder.glob('*_scenes-160x128*.py'))
LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
SEGMENTERS = ('upernet', 'fcn', 'pspnet', 'deeplabv3plus', 'segformer', 'mask2former')


@pytest.fixture(scope='module')
def scenes(tmp_path_factory) -> Path:
    root = write_scenes(tmp_path_factory.mktemp('zoo') / 'scenes', train=6, test=2, size=(96, 64))
    for split in ('train', 'test'):
        shutil.copytree(root / split / 'vi', root / split / 'fused')
    return root


def few_proposals(name: str) -> list[str]:
    """On a CPU box heads are most of the time."""
    stages = ('rcnn.0', 'rcnn.1', 'rcnn.2') if 'cascade' in name else ('rcnn',)
    return [
        'model.test_cfg.rcnn.score_thr=0.0',
        'model.test_cfg.rpn.max_per_img=16',
        'model.train_cfg.rpn_proposal.max_per_img=16',
        *(f'model.train_cfg.{stage}.sampler.num=16' for stage in stages),
    ]


def cases() -> list:
    """Each config; ResNet-50s are what the ResNet-18s are, but slower, and the injected form has a gate as well."""
    rest = ('resnet50-', 'defusionpp-gated', 'efficientnet-lite0-early-fusion_fcn')
    marks = {path: pytest.mark.soak if path.name.startswith(rest) else pytest.mark.slow for path in CONFIGS}
    return [pytest.param(path, marks=mark, id=path.stem.split('_1xb')[0]) for path, mark in marks.items()]


def two_iterations(scenes: Path) -> list[str]:
    options = [f'{loader}.dataset.data_root={scenes}' for loader in LOADERS]
    options += [f'{loader}.{key}' for loader in LOADERS for key in ('num_workers=0', 'persistent_workers=False')]
    options += ['train_cfg.max_iters=2', 'train_cfg.val_interval=9', 'train_dataloader.batch_size=2']
    return [*options, 'default_hooks.checkpoint.save_optimizer=False', 'default_hooks.logger.interval=1']


def where_boxes_are(scenes: Path) -> list[str]:
    return [f'{evaluator}.ann_file={scenes}/test.json' for evaluator in ('val_evaluator', 'test_evaluator')]


@pytest.mark.slow
@pytest.mark.parametrize(
    'option', ['model.bbox_head.num_classes=4', 'train_dataloader.dataset.metainfo.classes=(car,)']
)
def test_heads_for_other_classes_than_those_of_the_data_are_refused(option, scenes, tmp_path):
    config = ROOT / 'configs/baselines/spatial-prior_atss_1xb4-500i_scenes-160x128.py'
    options = [*two_iterations(scenes), *where_boxes_are(scenes), option]
    with pytest.raises(AssertionError, match='`num_classes` .* does not matches the length of `classes`'):
        run(stock('mmdet', 'train.py'), config, '--work-dir', tmp_path, '--cfg-options', *options, cwd=tmp_path)


@pytest.mark.parametrize('config', cases())
def test_trains_and_tests(config, scenes, tmp_path):
    segments = any(f'_{head}_' in config.stem for head in SEGMENTERS)
    toolbox = 'mmseg' if segments else 'mmdet'
    options = two_iterations(scenes)
    if not segments:  # after two iterations no box is sure enough, and mmdet scores no empty result
        options += where_boxes_are(scenes)
        options += [f'{loader}.dataset.pipeline.2.scale=(96,64)' for loader in LOADERS[1:]]
        options += few_proposals(config.stem) if 'rcnn' in config.stem else ['model.test_cfg.score_thr=0.0']
    if 'dinov2' in config.stem and 'dinov2-small' not in named():
        write_dinov2(tmp_path / 'dinov2.pth')
        options.append(f'model.backbone.encoder.init_cfg.checkpoint={tmp_path / "dinov2.pth"}')
    if 'guided-efficientnet' in config.stem and 'efficientnet-lite0' not in named():
        options.append('model.backbone.spatial_prior.backbone.backbone.init_cfg=None')
    train, test = (stock(toolbox, f'{name}.py') for name in ('train', 'test'))
    with watched_training() as watched:
        run(train, config, '--work-dir', tmp_path, '--cfg-options', *options, cwd=tmp_path)
    watched.assert_learnt()
    augmented = ['--tta'] if config.stem.startswith(('defusionpp_vit-tiny_fcn', 'defusionpp_vit-tiny_atss')) else []
    arguments = [config, tmp_path / 'iter_2.pth', '--work-dir', tmp_path, *augmented, '--cfg-options', *options]
    score = printed_score(run(test, *arguments, cwd=tmp_path), 'mIoU' if segments else 'bbox_mAP_50')
    assert 0 <= score <= (100 if segments else 1)
