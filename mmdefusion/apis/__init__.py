from .disturbances import Disturbance
from .fusion_inferencer import FusionInferencer
from .model import load_fuser, shipped_weights
from .trial import Trial

__all__ = ['Disturbance', 'FusionInferencer', 'Trial', 'load_fuser', 'shipped_weights']
