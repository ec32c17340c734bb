from .defusion_encoder import ARCHITECTURES, Architecture, DeFusionEncoder
from .defusion_pp import DeFusionPP
from .mae_encoder import MAEEncoder

__all__ = ['ARCHITECTURES', 'Architecture', 'DeFusionEncoder', 'DeFusionPP', 'MAEEncoder']
