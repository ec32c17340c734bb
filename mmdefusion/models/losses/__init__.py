from .cud_loss import CUDLoss
from .ivf_loss import IVFLoss
from .mcud_loss import MCUDLoss
from .ssim import ssim_loss, ssim_map

__all__ = ['CUDLoss', 'IVFLoss', 'MCUDLoss', 'ssim_loss', 'ssim_map']
