from .model import load_fuser

__all__ = ['load_fuser']
