"""Imports every room whose classes a config may name: MMEngine's registry looks here at its first ``mmdefusion.X``."""

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
from .layers import LayerNorm2d

# so that heads of the toolboxes can be told norm_cfg=dict(type='mmdefusion.LayerNorm2d'), as ViTDet's are
MODELS.register_module(module=LayerNorm2d)
