"""From a student's tokens to its teacher's."""

from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn.functional import smooth_l1_loss

from mmdefusion.registry import MODELS

from ..layers import init_transformer


@MODELS.register_module()
class DistillationHead(BaseModule):
    """LayerNorm and a linear map, and the smooth L1 distance of what they give to the teacher's tokens.

    Args:
        embed_dims: width C of the student's tokens.
        teacher_dims: width T of the teacher's tokens.
        init_cfg: MMEngine's.
    """

    def __init__(self, embed_dims: int, teacher_dims: int, init_cfg: dict | list | None = None) -> None:
        super().__init__(init_cfg)
        self.teacher_dims = teacher_dims
        self.norm = nn.LayerNorm(embed_dims)
        self.proj = nn.Linear(embed_dims, teacher_dims)
        init_transformer(self)

    def forward(self, tokens: Tensor) -> Tensor:
        """B×N×C tokens to B×N×T predictions."""
        return self.proj(self.norm(tokens))

    def loss(self, tokens: Tensor, targets: Tensor) -> Tensor:
        """Mean distance of the predictions from B×N×T targets."""
        return smooth_l1_loss(self(tokens).float(), targets.float())
