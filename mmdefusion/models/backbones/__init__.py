from .defusion_encoder import ARCHITECTURES, Architecture, DeFusionEncoder
from .defusion_pp import DeFusionPP

__all__ = ['ARCHITECTURES', 'Architecture', 'DeFusionEncoder', 'DeFusionPP']
