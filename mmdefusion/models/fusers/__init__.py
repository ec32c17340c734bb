from .detail import ResidualDetail
from .image_fuser import FusedImages, ImageFuser
from .picture_fuser import PictureFuser
from .windows import Windows

__all__ = ['FusedImages', 'ImageFuser', 'PictureFuser', 'ResidualDetail', 'Windows']
