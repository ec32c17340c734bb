from .image_folders import ImageFolders
from .pair_folders import PairFolders

__all__ = ['ImageFolders', 'PairFolders']
