from .architectures import ARCHITECTURES, Architecture
from .baselines import EarlyFusion, OneModality, TwoStreams
from .defusion_encoder import DeFusionEncoder
from .mae_encoder import MAEEncoder

__all__ = [
    'ARCHITECTURES',
    'Architecture',
    'DeFusionEncoder',
    'EarlyFusion',
    'MAEEncoder',
    'OneModality',
    'TwoStreams',
]
