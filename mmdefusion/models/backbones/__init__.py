from .architectures import ARCHITECTURES, Architecture
from .baselines import EarlyFusion, OneModality, TwoStreams
from .defusion_encoder import DeFusionEncoder
from .mae_encoder import MAEEncoder
from .spatial_prior import SpatialPrior

__all__ = [
    'ARCHITECTURES',
    'Architecture',
    'DeFusionEncoder',
    'EarlyFusion',
    'MAEEncoder',
    'OneModality',
    'SpatialPrior',
    'TwoStreams',
]
