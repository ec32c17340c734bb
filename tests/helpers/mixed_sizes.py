"""Pairs of several sizes, models that find boxes untrained, and how much of what one finds another finds again."""

from pathlib import Path

import numpy as np
import torch
from mmdet.structures import DetDataSample
from mmdet.structures.bbox import bbox_overlaps
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.structures import SegDataSample
from torch import nn

from mmdefusion.registry import MODELS
from mmdefusion.scenes import SceneGenerator

from .zoo import HEADS

SIZES = [(160, 128), (152, 112), (128, 160), (96, 192)]  # width, height
SAMPLES = {'mmdet': DetDataSample, 'mmseg': SegDataSample}


def zoo(head: str) -> Path:
    return next(path for path in HEADS if path.name.startswith(f'defusionpp_vit-tiny_{head}_1xb4'))


def build(path: Path, **preprocessor) -> nn.Module:
    """An untrained model whose scores differ from place to place, and that keeps a box for each of its anchors."""
    config = Config.fromfile(path)
    config.model.data_preprocessor.update(preprocessor)
    if config.default_scope == 'mmdet':
        for part in (config.model.test_cfg, config.model.test_cfg.get('rcnn', {})):
            if 'score_thr' in part:
                part.update(score_thr=0.0, max_per_img=-1, nms=dict(type='nms', iou_threshold=1.0))
        if 'rcnn' in config.model.test_cfg:
            config.model.test_cfg.rpn.max_per_img = 60
        else:
            config.model.test_cfg.nms_pre = 200
    init_default_scope(config.default_scope)
    torch.manual_seed(0)
    model = MODELS.build(config.model).eval()
    for name, part in model.named_modules():
        if name.endswith(('_cls', 'conv_seg')) and isinstance(part, nn.Conv2d | nn.Linear):
            nn.init.normal_(part.weight, std=0.05)
            nn.init.zeros_(part.bias)
    return model


def pairs(sizes=SIZES) -> list[tuple[torch.Tensor, dict]]:
    """4×H×W images of scenes, and what a pipeline notes of them."""
    made = []
    for index, size in enumerate(sizes):
        scene = SceneGenerator(size)(index)
        image = np.concatenate([scene.visible, scene.infrared.reshape(*scene.visible.shape[:2], 1)], axis=2)
        shape = image.shape[:2]
        meta = dict(ori_shape=shape, img_shape=shape, scale_factor=(1.0, 1.0), img_id=index)
        made.append((torch.from_numpy(image).permute(2, 0, 1), meta))
    return made


def found_again(ours, theirs) -> float:
    """Share of the boxes of ``theirs`` of which ``ours`` has one of IoU > 0.9, its class, and its score to 0.05."""
    ours, theirs = ours.pred_instances, theirs.pred_instances
    alike = bbox_overlaps(theirs.bboxes, ours.bboxes) > 0.9
    alike &= theirs.labels[:, None] == ours.labels
    alike &= (theirs.scores[:, None] - ours.scores).abs() < 0.05
    return alike.any(1).float().mean().item()
