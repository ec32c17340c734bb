"""Every head of the zoo in training: a loss, and a gradient for each parameter, as DistributedDataParallel wants it."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.zoo import HEADS, with_prior, with_windows
from mmengine.config import Config
from mmengine.model import revert_sync_batchnorm
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData, PixelData
from torch import nn

from mmdefusion.engine.optimizers import BFloat16OptimWrapper
from mmdefusion.registry import MODELS
from mmdefusion.scenes import SceneGenerator

pytest.importorskip('mmdet')
pytest.importorskip('mmseg')
from mmdet.structures import DetDataSample
from mmdet.structures.mask import BitmapMasks
from mmseg.structures import SegDataSample

SIZE = 96, 64
Wrap = Callable[[nn.Module], AbstractContextManager]


def labelled(config: Config, index: int) -> tuple[torch.Tensor, DetDataSample | SegDataSample]:
    """A scene as a training pipeline packs it."""
    scene = SceneGenerator(SIZE)(index)
    pair = np.concatenate([scene.visible, scene.infrared[..., None]], axis=2)
    shape = pair.shape[:2]
    meta = dict(ori_shape=shape, img_shape=shape, scale_factor=(1.0, 1.0), img_id=index)
    if config.default_scope == 'mmseg':
        sample = SegDataSample(metainfo=meta)
        sample.gt_sem_seg = PixelData(data=torch.from_numpy(scene.mask.astype(np.int64))[None])
    else:
        sample, truth = DetDataSample(metainfo=meta), InstanceData(bboxes=torch.from_numpy(scene.boxes))
        truth.labels = torch.from_numpy(scene.labels) - 1
        if 'mask_head' in (config.model.get('roi_head') or {}):
            masks = [scene.instances == 1 + one for one in range(len(truth))]
            truth.masks = BitmapMasks(np.stack(masks).astype(np.uint8), *shape)
        sample.gt_instances, sample.ignored_instances = truth, InstanceData(bboxes=torch.zeros(0, 4))
    return torch.from_numpy(pair).permute(2, 0, 1), sample


def few_proposals(config: Config) -> None:
    """On a CPU box heads are most of the time."""
    if 'rpn_proposal' in (train_cfg := config.model.get('train_cfg') or {}):
        train_cfg.rpn_proposal.max_per_img = 16
        for stage in train_cfg.rcnn if isinstance(train_cfg.rcnn, list) else [train_cfg.rcnn]:
            stage.sampler.num = 16


def train_once(config: Config, wrap: Wrap = nullcontext) -> nn.Module:
    """The model of a config after one backward pass; its forward pass runs in ``wrap(model)``."""
    few_proposals(config)
    init_default_scope(config.default_scope)
    model = revert_sync_batchnorm(MODELS.build(config.model))
    model.init_weights()
    inputs, samples = zip(*(labelled(config, index) for index in range(2)), strict=True)
    data = model.data_preprocessor(dict(inputs=list(inputs), data_samples=list(samples)), training=True)
    with wrap(model):
        loss, _ = model.parse_losses(model.train()(**data, mode='loss'))
    assert loss.isfinite()
    loss.backward()
    return model


def without_gradient(model: nn.Module) -> list[str]:
    return [name for name, value in model.named_parameters() if value.requires_grad and value.grad is None]


@pytest.mark.parametrize('path', HEADS, ids=lambda path: path.stem.split('_1xb')[0])
def test_with_windows_and_a_spatial_prior(path: Path):
    model = train_once(with_prior(with_windows(Config.fromfile(path))))
    assert without_gradient(model) == []
    prior = dict(model.backbone.spatial_prior.named_parameters())
    assert [name for name, value in prior.items() if not value.grad.any()] == []


QUICK = 'defusionpp_vit-tiny_atss', 'defusionpp_vit-tiny_faster-rcnn', 'defusionpp_vit-tiny_fcn'


@pytest.mark.parametrize(
    'path',
    [
        pytest.param(path, id=name, marks=() if name in QUICK else pytest.mark.soak)
        for path in HEADS
        if (name := path.stem.split('_1xb')[0])
    ],
)
def test_in_bfloat16(path: Path):
    config = Config.fromfile(path)
    wrapper = BFloat16OptimWrapper(torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1))
    model = train_once(config, wrapper.optim_context)
    assert without_gradient(model) == []
    assert all(value.grad.dtype == torch.float32 for value in model.parameters() if value.grad is not None)


@pytest.mark.parametrize('head', ['pspnet', 'deeplabv3plus'])
def test_heads_of_one_map_read_the_fused_tokens(head):
    (path,) = (path for path in HEADS if path.name.startswith(f'defusionpp_vit-tiny_{head}_'))
    config = with_windows(Config.fromfile(path))
    model = train_once(config)
    assert without_gradient(model) == [] and not config.get('find_unused_parameters')
    assert model.neck[0].mixer[1].mlp.fc2.weight.grad.any()
