from .detail import ResidualDetail
from .image_fuser import ImageFuser
from .picture_fuser import PictureFuser
from .sliding_window import SlidingWindow

__all__ = ['ImageFuser', 'PictureFuser', 'ResidualDetail', 'SlidingWindow']
