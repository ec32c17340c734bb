from .architectures import ARCHITECTURES, Architecture
from .baselines import EarlyFusion, OneModality, TwoStreams
from .defusion_encoder import DeFusionEncoder
from .defusion_pp import DeFusionPP
from .mae_encoder import MAEEncoder

__all__ = [
    'ARCHITECTURES',
    'Architecture',
    'DeFusionEncoder',
    'DeFusionPP',
    'EarlyFusion',
    'MAEEncoder',
    'OneModality',
    'TwoStreams',
]
