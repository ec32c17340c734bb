"""The loss of multi-modal common and unique decomposition (arXiv 2410.12274)."""

from torch import Tensor, nn
from torch.nn.functional import l1_loss

from mmdefusion.registry import MODELS

from ..structures import Sensors


@MODELS.register_module()
class MCUDLoss(nn.Module):
    """Weighted L1 distances of predicted to teachers' tokens, and between both orders of the common feature.

    Args:
        infrared_teacher, visible_teacher, common: weights of the three distances.
    """

    def __init__(self, infrared_teacher: float = 1.0, visible_teacher: float = 1.0, common: float = 1.0) -> None:
        super().__init__()
        self.infrared_teacher = infrared_teacher
        self.visible_teacher = visible_teacher
        self.common = common

    def forward(self, predicted: Sensors, target: Sensors, common: Sensors) -> dict[str, Tensor]:
        """Compares predictions B×N×T with targets B×N×T, and the common features B×N×C with each other."""
        return dict(
            loss_infrared_teacher=self.infrared_teacher * l1_loss(predicted.infrared, target.infrared),
            loss_visible_teacher=self.visible_teacher * l1_loss(predicted.visible, target.visible),
            loss_common_orders=self.common * l1_loss(common.infrared, common.visible),
        )
