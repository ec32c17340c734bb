"""The loss of multi-modal common and unique decomposition (arXiv 2410.12274)."""

from torch import Tensor, nn
from torch.nn.functional import l1_loss

from mmdefusion.registry import MODELS

from ..structures import Pair


@MODELS.register_module()
class MCUDLoss(nn.Module):
    """Weighted L1 distances of predicted to teachers' tokens, and between the two orders of the common feature.

    Args:
        teacher_a, teacher_b, common: weights.
    """

    def __init__(self, teacher_a: float = 1.0, teacher_b: float = 1.0, common: float = 1.0) -> None:
        super().__init__()
        self.teacher_a = teacher_a
        self.teacher_b = teacher_b
        self.common = common

    def forward(self, predicted: Pair, target: Pair, common: Pair) -> dict[str, Tensor]:
        """Compare B×N×T predictions with B×N×T targets, and the B×N×C common features with each other."""
        return dict(
            loss_teacher_a=self.teacher_a * l1_loss(predicted.a, target.a),
            loss_teacher_b=self.teacher_b * l1_loss(predicted.b, target.b),
            loss_common_orders=self.common * l1_loss(common.a, common.b),
        )
