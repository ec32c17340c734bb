from .baselines import EarlyFusion, OneModality, TwoStreams
from .defusion_encoder import ARCHITECTURES, Architecture, DeFusionEncoder
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
