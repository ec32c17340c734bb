from .cud_loss import CUDLoss
from .mcud_loss import MCUDLoss
from .ssim import ssim_loss, ssim_map

__all__ = ['CUDLoss', 'MCUDLoss', 'ssim_loss', 'ssim_map']
