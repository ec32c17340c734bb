from mmdefusion.utils.compat import installed

from .fusion import FusionDataset
from .pretraining import ImageFolders, PairFolders
from .samplers import ResumableSampler
from .transforms import *  # noqa: F403

__all__ = ['FusionDataset', 'ImageFolders', 'PairFolders', 'ResumableSampler']

if installed('mmdet'):
    from .detection import *  # noqa: F403

if installed('mmseg'):
    from .segmentation import *  # noqa: F403
