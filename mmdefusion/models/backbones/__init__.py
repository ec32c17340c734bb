from .architectures import ARCHITECTURES, Architecture
from .backbone_prior import BackbonePrior
from .baselines import EarlyFusion, OneModality, TwoStreams
from .defusion_encoder import DeFusionEncoder
from .efficientnet_lite import EfficientNetLite0
from .mae_encoder import MAEEncoder
from .multi_scale_encoder import MultiScaleEncoder
from .spatial_prior import SpatialPrior

__all__ = [
    'ARCHITECTURES',
    'Architecture',
    'BackbonePrior',
    'DeFusionEncoder',
    'EarlyFusion',
    'EfficientNetLite0',
    'MAEEncoder',
    'MultiScaleEncoder',
    'OneModality',
    'SpatialPrior',
    'TwoStreams',
]
