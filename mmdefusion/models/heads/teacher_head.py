"""What a teacher's tokens are predicted from: unique plus common (arXiv 2410.12274, multi-modal CUD)."""

from mmengine.model import BaseModule
from torch import nn

from mmdefusion.registry import MODELS

from ..layers import init_transformer
from ..structures import Pair


@MODELS.register_module()
class TeacherPredictionHead(BaseModule):
    """Predicts the tokens of a teacher for each image of a pair.

    Args:
        embed_dims: width C of the decomposed tokens.
        teacher_dims: width T of the teachers' tokens.
        init_cfg: MMEngine's.
    """

    def __init__(self, embed_dims: int, teacher_dims: int = 768, init_cfg: dict | list | None = None) -> None:
        super().__init__(init_cfg)
        self.teacher_dims = teacher_dims
        self.norm_a = nn.LayerNorm(embed_dims)
        self.norm_b = nn.LayerNorm(embed_dims)
        self.proj_a = nn.Linear(embed_dims, teacher_dims)
        self.proj_b = nn.Linear(embed_dims, teacher_dims)
        init_transformer(self)

    def forward(self, unique: Pair, common: Pair) -> Pair:
        """Predict.

        Args:
            unique: of a and of b, deep plus skip, B×N×C each.
            common: :meth:`DecompositionNeck.decompose_both`, normalised: from a to b, and from b to a.

        Returns:
            B×N×T each.
        """
        return Pair(
            a=self.proj_a(self.norm_a(unique.a) + common.a),
            b=self.proj_b(self.norm_b(unique.b) + common.b),
        )
