"""Every head that the zoo has on generated scenes, and untrained weights of it."""

from copy import deepcopy
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmdefusion.models.necks.guided_pyramid import TokenGuide
from mmdefusion.registry import MODELS

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
HEADS = sorted(CONFIGS.glob('detection/*500i_scenes-160x128.py')) + sorted(
    CONFIGS.glob('segmentation/*500i_scenes-160x128.py')
)


def write_dinov2(path: Path) -> None:
    """A file of DINOv2's layout and width with random weights."""
    transformers = pytest.importorskip('transformers')
    numbers = dict(hidden_size=384, num_hidden_layers=10, num_attention_heads=6, image_size=56, patch_size=14)
    torch.save(transformers.Dinov2Model(transformers.Dinov2Config(**numbers)).state_dict(), path)


def keep_all(config: Config) -> Config:
    """Let every box of a detector through, whatever its score: untrained ones are sure of nothing."""
    test_cfg = config.model.get('test_cfg') or {}
    for part in (test_cfg, test_cfg.get('rcnn', {})):
        if 'score_thr' in part:
            part.score_thr = 0.0
    return config


def with_windows(config: Config) -> Config:
    """A model of the zoo with windows so small that scenes have several, which see each other; not a baseline."""
    if config.model.backbone.type == 'mmdefusion.DeFusionEncoder':
        config.model.backbone.update(window=3, global_blocks=1, pooling=2)
    return config


def with_prior(config: Config) -> Config:
    """A model of the zoo with a small spatial prior, as our configs add one."""
    if config.model.neck is not None:
        options = {key: value for key, value in config.model.backbone.items() if key not in ('type', 'arch')}
        backbone = dict(type='mmdefusion.DeFusionPP', arch=config.model.backbone.arch, pyramid=config.model.neck[1])
        config.model.backbone, config.model.neck = dict(backbone, encoder=options), None
    config.model.backbone['spatial_prior'] = dict(type='mmdefusion.SpatialPrior', widths=(8, 8, 16, 16))
    return config


def untrained(config: Config, folder: Path) -> str:
    """A checkpoint of the model of ``config`` as it begins, always the same."""
    init_default_scope(config.default_scope)
    torch.manual_seed(0)
    meta = dict(dataset_meta=dict(classes=config.classes, palette=config.palette))
    path = folder / 'untrained.pth'
    model = MODELS.build(deepcopy(config.model))  # mmdet writes into what it builds of
    model.init_weights()  # DINO leaves what it does not fill as the memory was, NaN at times
    for part in (part for part in model.modules() if isinstance(part, TokenGuide)):
        for one in part.maps:  # they start at 0, and tokens would count for nothing
            torch.nn.init.normal_(one.weight, std=0.1)
    torch.save(dict(state_dict=model.state_dict(), meta=meta), path)
    return str(path)
