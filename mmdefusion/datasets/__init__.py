from mmdefusion.utils.compat import installed

from .transforms import AppendPartner

__all__ = ['AppendPartner']

if installed('mmdet'):
    from .detection import *  # noqa: F403

if installed('mmseg'):
    from .segmentation import *  # noqa: F403
