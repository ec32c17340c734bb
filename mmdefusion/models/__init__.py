from mmdefusion.registry import MODELS

from .backbones import *  # noqa: F403
from .data_preprocessors import *  # noqa: F403
from .fusers import *  # noqa: F403
from .heads import *  # noqa: F403
from .layers import LayerNorm2d
from .losses import *  # noqa: F403
from .necks import *  # noqa: F403
from .pretrainers import *  # noqa: F403
from .teachers import *  # noqa: F403

# so that heads of the toolboxes can be told norm_cfg=dict(type='mmdefusion.LayerNorm2d'), as ViTDet's are
MODELS.register_module(module=LayerNorm2d)
