"""Mosaic, MixUp and RandomAffine of pairs: as mmdet's, and both sensors alike."""

from pathlib import Path

import numpy as np
import pytest
from helpers.layouts import grey
from helpers.tools_in_process import run
from mmengine.registry import init_default_scope

from mmdefusion.registry import TRANSFORMS
from mmdefusion.scenes import write_scenes

pytest.importorskip('mmdet')
from mmdet.structures.bbox import HorizontalBoxes
from mmdet.structures.mask import BitmapMasks

ROOT = Path(__file__).resolve().parents[3]
SCALE = (64, 48)
MIXES = {
    'Mosaic': 3,
    'MixUp': 1,
    'CachedMosaic': 0,
    'CachedMixUp': 0,
    'RandomAffine': 0,
}  # other samples in mix_results


def sample(seed: int, channels: int = 4, masks: bool = False) -> dict:
    """A grey image whose infrared one is its negative, with two boxes."""
    image = grey(seed, 40 + seed % 3 * 8, 60)
    visible = np.repeat(image[..., None], 3, axis=2)
    boxes = HorizontalBoxes(np.array([[5, 5, 25, 30], [30, 10, 55, 35]], np.float32))
    results = dict(img=np.concatenate([visible, 255 - visible[..., : channels - 3]], axis=2), img_path=f'{seed}.png')
    results |= dict(gt_bboxes=boxes, gt_bboxes_labels=np.array([seed, 1]), gt_ignore_flags=np.zeros(2, bool))
    if masks:
        filled = np.zeros((2, *image.shape), np.uint8)
        filled[0, 5:30, 5:25] = filled[1, 10:35, 30:55] = 1
        results['gt_masks'] = BitmapMasks(filled, *image.shape)
    return results


def build(name: str, paired: bool) -> object:
    init_default_scope('mmdet')
    options = dict(max_rotate_degree=20.0) if name == 'RandomAffine' else dict(img_scale=SCALE)
    return TRANSFORMS.build(dict(type=f'mmdefusion.Paired{name}' if paired else name, **options))


def mix(name: str, channels: int, paired: bool, masks: bool = False) -> list[dict]:
    """What a transform makes of twelve samples, one after the other."""
    transform, mixed = build(name, paired), []
    np.random.seed(3)
    for seed in range(12):
        others = [sample(20 + seed + k, channels) for k in range(MIXES[name])]
        given = sample(seed, channels, masks) | (dict(mix_results=others) if others else {})
        mixed.append(transform.transform(given))
    return mixed


@pytest.mark.parametrize('channels', [4, 6])
@pytest.mark.parametrize('name', MIXES)
def test_as_mmdet_and_both_sensors_alike(name, channels):
    ours, theirs = mix(name, channels, paired=True), mix(name, 3, paired=False)
    changed = 0
    for pair, image in zip(ours, theirs, strict=True):
        assert pair['img'].shape == (*image['img'].shape[:2], channels)
        assert (pair['img'][..., :3] == image['img']).all()
        assert (pair['gt_bboxes'].tensor == image['gt_bboxes'].tensor).all()
        for key in ('gt_bboxes_labels', 'gt_ignore_flags'):
            assert (pair[key] == image[key]).all()
        assert pair.get('img_shape', pair['img'].shape[:2]) == pair['img'].shape[:2]
        # negatives sum up to 255 where both lie on each other; where nothing lies both are 114, and MixUp takes means
        total = pair['img'][..., :1].astype(int) + pair['img'][..., 3:]
        sums = [255, 228, 241] if 'MixUp' in name else [255, 228]
        off = np.min([abs(total - wanted) for wanted in sums], axis=0)
        # where an image is scaled together with its border, both blend
        assert np.mean(off > 3) < (0.001 if 'Mosaic' in name else 0.08)
        changed += pair['img'].shape != sample(0, channels)['img'].shape or len(pair['gt_bboxes']) != 2
    assert changed > 5 or name == 'RandomAffine'


@pytest.mark.parametrize('name', ['CachedMosaic', 'CachedMixUp'])
def test_masks_follow(name):
    ours, theirs = mix(name, 4, paired=True, masks=True), mix(name, 3, paired=False, masks=True)
    assert max(len(pair['gt_masks']) for pair in ours) > 2
    for pair, image in zip(ours, theirs, strict=True):
        assert (pair['gt_masks'].masks == image['gt_masks'].masks).all()


@pytest.mark.parametrize('name', MIXES)
def test_an_image_without_partner(name):
    with pytest.raises(ValueError, match=r'7.png has shape .* put dict\(type=.mmdefusion.AppendPartner'):
        build(name, paired=True).transform(sample(7, 3) | dict(mix_results=[sample(1, 3)] * 3))


LOAD = """[
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='YOLOXHSVRandomAug'),
    dict(type='mmdefusion.AppendPartner'),
]"""
EPOCHS = """
train_cfg = dict(_delete_=True, type='EpochBasedTrainLoop', max_epochs=2, val_interval=1)
param_scheduler = []
log_processor = dict(by_epoch=True)
default_hooks = dict(checkpoint=dict(by_epoch=True, interval=1, save_optimizer=False), logger=dict(interval=1))
ema = dict(type='EMAHook', ema_type='ExpMomentumEMA', momentum=0.0002, update_buffers=True, priority=49)
"""
RECIPES = {
    'rtmdet': f"""
_base_ = '{ROOT}/configs/detection/defusionpp_vit-tiny_rtmdet_1xb4-500i_scenes-160x128.py'
{EPOCHS}
load, scale = {LOAD}, (96, 96)
end = [
    dict(type='RandomResize', scale=(192, 192), ratio_range=(0.5, 2.0), keep_ratio=True),
    dict(type='RandomCrop', crop_size=scale),
    dict(type='RandomFlip', prob=0.5),
    dict(type='Pad', size=scale, pad_val=dict(img=114)),
]
pack = [dict(type='PackDetInputs')]
mosaic = dict(type='mmdefusion.PairedCachedMosaic', img_scale=scale, pad_val=114.0, max_cached_images=8)
mixup = dict(type='mmdefusion.PairedCachedMixUp', img_scale=scale, ratio_range=(1.0, 1.0), max_cached_images=4)
train_dataloader = dict(dataset=dict(pipeline=[*load, mosaic, *end, mixup, *pack]))
switch = dict(type='PipelineSwitchHook', switch_epoch=1, switch_pipeline=[*load, *end, *pack])
custom_hooks = [dict(type='mmdefusion.PlainCheckpointHook'), ema, switch]
""",
    'yolox': f"""
_base_ = '{ROOT}/configs/detection/defusionpp_vit-tiny_atss_1xb4-500i_scenes-160x128.py'
{EPOCHS}
load, scale = {LOAD}, (96, 96)
pyramid = dict(type='mmdefusion.SimpleFeaturePyramid', embed_dims=192, out_channels=64, strides=(8, 16, 32))
model = dict(
    _delete_=True,
    type='YOLOX',
    data_preprocessor=dict(
        type='mmdefusion.PairedDetDataPreprocessor',
        pad_size_divisor=32,
        batch_augments=[dict(type='BatchSyncRandomResize', random_size_range=(64, 128), size_divisor=32, interval=2)],
    ),
    backbone=_base_.model.backbone,
    neck=[_base_.model.neck[0], pyramid],
    bbox_head=dict(type='YOLOXHead', num_classes=3, in_channels=64, feat_channels=64),
    train_cfg=dict(assigner=dict(type='SimOTAAssigner', center_radius=2.5)),
    test_cfg=dict(score_thr=0.0, nms=dict(type='nms', iou_threshold=0.65), max_per_img=30),
)
pipeline = [
    dict(type='mmdefusion.PairedMosaic', img_scale=scale, pad_val=114.0),
    dict(type='mmdefusion.PairedRandomAffine', scaling_ratio_range=(0.5, 1.5), border=(-48, -48)),
    dict(type='mmdefusion.PairedMixUp', img_scale=scale, ratio_range=(0.8, 1.6), pad_val=114.0),
    dict(type='RandomFlip', prob=0.5),
    dict(type='Resize', scale=scale, keep_ratio=True),
    dict(type='Pad', pad_to_square=True, pad_val=dict(img=114)),
    dict(type='FilterAnnotations', min_gt_bbox_wh=(1, 1), keep_empty=False),
    dict(type='PackDetInputs'),
]
inner = dict(_base_.train_dataloader.dataset, pipeline=load, data_root='scenes')
mixed = dict(_delete_=True, type='MultiImageMixDataset', dataset=inner, pipeline=pipeline)
train_dataloader = dict(dataset=mixed)
skipped = ('mmdefusion.PairedMosaic', 'mmdefusion.PairedRandomAffine', 'mmdefusion.PairedMixUp')
switch = dict(type='YOLOXModeSwitchHook', num_last_epochs=1, skip_type_keys=skipped, priority=48)
custom_hooks = [dict(type='mmdefusion.PlainCheckpointHook'), switch, dict(type='SyncNormHook', priority=48), ema]
""",
}
COMMON = """
loader = dict(batch_size=2, num_workers=0, persistent_workers=False)
train_dataloader.update(loader, sampler=dict(type='DefaultSampler', shuffle=True))
"""


@pytest.mark.slow
@pytest.mark.parametrize('recipe', RECIPES)
def test_recipes_train_on_pairs(recipe, tmp_path):
    write_scenes(tmp_path / 'scenes', train=6, test=2, size=(96, 64))
    (tmp_path / 'recipe.py').write_text(RECIPES[recipe] + COMMON)
    options = [f'{part}_dataloader.dataset.data_root=scenes' for part in ('val', 'test')]
    options += [f'{part}_evaluator.ann_file=scenes/test.json' for part in ('val', 'test')]
    options += ['val_dataloader.num_workers=0', 'val_dataloader.persistent_workers=False']
    options += ['val_dataloader.dataset.pipeline.2.scale=(96,64)', 'model.test_cfg.score_thr=0.0']
    if recipe == 'rtmdet':
        options.append('train_dataloader.dataset.data_root=scenes')
    printed = run(ROOT / 'tools/train.py', 'recipe.py', '--work-dir', 'run', '--cfg-options', *options, cwd=tmp_path)
    losses = [float(line.split(' loss: ')[1].split()[0]) for line in printed.splitlines() if ' loss: ' in line]
    assert len(losses) == 6 and np.isfinite(losses).all() and min(losses) > 0
    assert 'bbox_mAP_50' in printed and ('Switch pipeline' in printed or 'No mosaic and mixup' in printed)
    assert (tmp_path / 'run/epoch_2.pth').is_file()
