from .image_fuser import FusedImages, ImageFuser

__all__ = ['FusedImages', 'ImageFuser']
