"""Predicts the tokens of a teacher from those of a student."""

from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn.functional import smooth_l1_loss

from mmdefusion.registry import MODELS

from ..layers import init_transformer


@MODELS.register_module()
class DistillationHead(BaseModule):
    """LayerNorm and a linear map, with the smooth L1 distance to the teacher's tokens as loss.

    Args:
        embed_dims: width C of the student's tokens.
        teacher_dims: width T of the teacher's tokens.
        init_cfg: initialisation config of MMEngine.
    """

    def __init__(self, embed_dims: int, teacher_dims: int, init_cfg: dict | list | None = None) -> None:
        super().__init__(init_cfg)
        self.teacher_dims = teacher_dims
        self.norm = nn.LayerNorm(embed_dims)
        self.proj = nn.Linear(embed_dims, teacher_dims)
        init_transformer(self)

    def forward(self, tokens: Tensor) -> Tensor:
        """Predicts tokens B×N×T from tokens B×N×C."""
        return self.proj(self.norm(tokens))

    def loss(self, tokens: Tensor, targets: Tensor) -> Tensor:
        """Mean smooth L1 distance of the predictions from the targets B×N×T."""
        return smooth_l1_loss(self(tokens).float(), targets.float())
