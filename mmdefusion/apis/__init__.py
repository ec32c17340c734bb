from .model import load_fuser
from .trial import Trial

__all__ = ['Trial', 'load_fuser']
