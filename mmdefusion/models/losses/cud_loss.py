"""The loss of common and unique decomposition with masked feature modelling (arXiv 2410.12274)."""

from torch import Tensor, nn
from torch.nn.functional import l1_loss

from mmdefusion.registry import MODELS

from ..structures import FusedImages
from .ssim import ssim_loss


@MODELS.register_module()
class CUDLoss(nn.Module):
    """Weighted L1 distances of five images to their targets, and the dissimilarity of the fused image.

    Args:
        common, unique_a, unique_b, mfm, fused: weights of the mean absolute differences.
        fused_ssim: weight of the mean of (1 - SSIM) / 2 of the fused image.
    """

    def __init__(
        self,
        common: float = 20.0,
        unique_a: float = 10.0,
        unique_b: float = 10.0,
        mfm: float = 2.0,
        fused: float = 100.0,
        fused_ssim: float = 50.0,
    ) -> None:
        super().__init__()
        self.common = common
        self.unique_a = unique_a
        self.unique_b = unique_b
        self.mfm = mfm
        self.fused = fused
        self.fused_ssim = fused_ssim

    def forward(self, decoded: FusedImages, mfm: Tensor, target: FusedImages) -> dict[str, Tensor]:
        """Computes the losses of decoded images, all B×3×H×W; the target of ``mfm`` is that of ``fused``."""
        return dict(
            loss_common=self.common * l1_loss(decoded.common, target.common),
            loss_unique_a=self.unique_a * l1_loss(decoded.unique_a, target.unique_a),
            loss_unique_b=self.unique_b * l1_loss(decoded.unique_b, target.unique_b),
            loss_mfm=self.mfm * l1_loss(mfm, target.fused),
            loss_fused=self.fused * l1_loss(decoded.fused, target.fused),
            loss_fused_ssim=self.fused_ssim * ssim_loss(decoded.fused, target.fused),
        )
