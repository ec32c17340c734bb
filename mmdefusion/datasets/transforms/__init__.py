from mmdefusion.utils.compat import installed

from .append_partner import AppendPartner
from .append_place import AppendPlace
from .corrupt_pair import CORRUPTIONS, CorruptPair
from .crops import RandomResizedCrop, ResizedCenterCrop
from .drop_modality import DropModality
from .load_any_image import LoadAnyImage
from .pack_images import PackImages
from .replace_visible import ReplaceVisible
from .shift_partner import ShiftPartner

__all__ = [
    'CORRUPTIONS',
    'AppendPartner',
    'AppendPlace',
    'CorruptPair',
    'DropModality',
    'LoadAnyImage',
    'PackImages',
    'RandomResizedCrop',
    'ReplaceVisible',
    'ResizedCenterCrop',
    'ShiftPartner',
]

if installed('mmdet'):
    from .mixes import PairedCachedMixUp, PairedCachedMosaic, PairedMixUp, PairedMosaic, PairedRandomAffine

    __all__ += ['PairedCachedMixUp', 'PairedCachedMosaic', 'PairedMixUp', 'PairedMosaic', 'PairedRandomAffine']
