from .append_partner import AppendPartner
from .crops import RandomResizedCrop, ResizedCenterCrop
from .load_any_image import LoadAnyImage
from .pack_images import PackImages

__all__ = ['AppendPartner', 'LoadAnyImage', 'PackImages', 'RandomResizedCrop', 'ResizedCenterCrop']
