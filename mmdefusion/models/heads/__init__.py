from .image_head import ImageHead

__all__ = ['ImageHead']
