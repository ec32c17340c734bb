"""Imports every subpackage whose classes a config may name, for MMEngine's registry."""

from mmdefusion.registry import MODELS

from . import (  # noqa: F401
    assembly,
    backbones,
    data_preprocessors,
    defusion_pp,
    fusers,
    heads,
    losses,
    necks,
    pretrainers,
    teachers,
)
from .checkpoints import scheme  # noqa: F401
from .layers import LayerNorm2d

# so that heads of the toolboxes can use norm_cfg=dict(type='mmdefusion.LayerNorm2d'), as ViTDet does
MODELS.register_module(module=LayerNorm2d)
