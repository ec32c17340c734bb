"""Predictions of real heads on pictures of several sizes in one batch, against those of each picture alone."""

from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.zoo import CONFIGS, HEADS
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from torch import nn
from torch.testing import assert_close

from mmdefusion.models.layers import Content
from mmdefusion.registry import MODELS
from mmdefusion.scenes import SceneGenerator

pytest.importorskip('mmdet')
pytest.importorskip('mmseg')
from mmdet.structures import DetDataSample
from mmdet.structures.bbox import bbox_overlaps
from mmseg.structures import SegDataSample

SIZES = [(160, 128), (152, 112), (128, 160), (96, 192)]  # width, height
SAMPLES = {'mmdet': DetDataSample, 'mmseg': SegDataSample}


def zoo(head: str) -> Path:
    return next(path for path in HEADS if path.name.startswith(f'defusionpp_vit-tiny_{head}_1xb4'))


def build(path: Path, **preprocessor) -> nn.Module:
    """An untrained model whose scores differ from place to place, and that keeps a box for each of its anchors."""
    config = Config.fromfile(path)
    config.model.data_preprocessor.update(preprocessor)
    if config.default_scope == 'mmdet':
        config.model.test_cfg.update(
            score_thr=0.0, max_per_img=-1, nms_pre=200, nms=dict(type='nms', iou_threshold=1.0)
        )
    init_default_scope(config.default_scope)
    torch.manual_seed(0)
    model = MODELS.build(config.model).eval()
    for name, part in model.named_modules():
        if name.endswith(('_cls', 'conv_seg')) and isinstance(part, nn.Conv2d):
            nn.init.normal_(part.weight, std=0.05)
            nn.init.zeros_(part.bias)
    return model


def pairs(scope: str, sizes=SIZES) -> list[tuple[torch.Tensor, object]]:
    made = []
    for index, size in enumerate(sizes):
        scene = SceneGenerator(size)(index)
        image = np.concatenate([scene.visible, scene.infrared.reshape(*scene.visible.shape[:2], 1)], axis=2)
        shape = image.shape[:2]
        meta = dict(ori_shape=shape, img_shape=shape, scale_factor=(1.0, 1.0), img_id=index)
        made.append((torch.from_numpy(image).permute(2, 0, 1), meta))
    return made


@torch.no_grad()
def predict(model: nn.Module, scope: str, items: list) -> list:
    samples = [SAMPLES[scope](metainfo=dict(meta)) for _, meta in items]
    return model.test_step(dict(inputs=[image for image, _ in items], data_samples=samples))


def found_again(ours, theirs) -> float:
    """Share of the boxes of ``theirs`` of which ``ours`` has one of IoU > 0.9, its class, and its score to 0.05."""
    ours, theirs = ours.pred_instances, theirs.pred_instances
    alike = bbox_overlaps(theirs.bboxes, ours.bboxes) > 0.9
    alike &= theirs.labels[:, None] == ours.labels
    alike &= (theirs.scores[:, None] - ours.scores).abs() < 0.05
    return alike.any(1).float().mean().item()


DEMO = CONFIGS / 'demo/defusionpp_vit-nano_atss_1xb2-500_scenes-160x128.py'
REACH = 5  # cells that RetinaNet's five convolutions look away


def test_scores_beside_other_pictures():
    """Behind the reach of its convolutions a head without means over maps finds what it finds in each picture alone."""
    model, items = build(zoo('retinanet')), pairs('mmdet')

    @torch.no_grad()
    def scores(*items) -> torch.Tensor:
        samples = [DetDataSample(metainfo=dict(meta)) for _, meta in items]
        data = model.data_preprocessor(dict(inputs=[image for image, _ in items], data_samples=samples))
        return model.bbox_head(model.extract_feat(data['inputs']))[0][0].sigmoid()

    together = scores(*items)
    for ours, item, (width, height) in zip(together, items, SIZES, strict=True):
        inside = ..., slice(height // 4 - REACH), slice(width // 4 - REACH)
        assert_close(ours[inside], scores(item)[0][inside], atol=1e-4, rtol=0)


def test_detections_beside_other_pictures():
    """ATSS's GroupNorm takes means over whole maps; untrained it exaggerates: a trained head finds 85 % again."""
    model, items = build(DEMO), pairs('mmdet')
    for ours, item in zip(predict(model, 'mmdet', items), items, strict=True):
        (alone,) = predict(model, 'mmdet', [item])
        assert len(alone.pred_instances) > 300
        assert found_again(ours, alone) > 0.45  # 0.3 where positions and attention take padding for picture


def test_detections_whatever_the_padding():
    (item,) = pairs('mmdet', [(152, 112)])
    plain, padded = (predict(build(DEMO, pad_size_divisor=side), 'mmdet', [item])[0] for side in (1, 128))
    assert found_again(padded, plain) > 0.4  # 0.26


@pytest.mark.parametrize('head, bound', [('fcn', 0.93), ('segformer', 0.88), ('upernet', 0.82)])
def test_segmentation_whatever_the_padding(head, bound):
    (item,) = pairs('mmseg', [(152, 112)])
    (alone,) = predict(build(zoo(head)), 'mmseg', [item])
    for side in (32, 128):
        (padded,) = predict(build(zoo(head), test_cfg=dict(size_divisor=side)), 'mmseg', [item])
        assert padded.pred_sem_seg.shape == (112, 152)
        assert (padded.pred_sem_seg.data == alone.pred_sem_seg.data).float().mean() > bound


def test_segmenters_refuse_several_sizes_in_a_test():
    with pytest.raises(ValueError, match=r'sizes \[\(112, 152\).*set batch_size=1'):
        predict(build(zoo('fcn')), 'mmseg', pairs('mmseg'))


@pytest.mark.parametrize('scope', SAMPLES)
def test_what_is_padded_in_training_is_marked(scope):
    kind, option = {'mmdet': ('Det', 'pad_size_divisor'), 'mmseg': ('Seg', 'size_divisor')}[scope]
    preprocessor = MODELS.build({'type': f'mmdefusion.Paired{kind}DataPreprocessor', option: 64})
    items = pairs(scope)
    samples = [SAMPLES[scope](metainfo=dict(meta)) for _, meta in items]
    if scope == 'mmseg':
        for sample, (image, _) in zip(samples, items, strict=True):
            sample.gt_sem_seg = PixelData(data=torch.zeros(1, *image.shape[1:], dtype=torch.long))
    data = dict(inputs=[image for image, _ in items], data_samples=samples)
    batch = preprocessor(data, training=True)['inputs']
    assert Content.of(batch) == ((192, 192), tuple(size[::-1] for size in SIZES))
