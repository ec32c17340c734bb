"""What a teacher's tokens are predicted from: unique plus common (arXiv 2410.12274, multi-modal CUD)."""

from mmengine.model import BaseModule
from torch import nn

from mmdefusion.registry import MODELS

from ..layers import init_transformer
from ..structures import Sensors


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
        self.norm_infrared = nn.LayerNorm(embed_dims)
        self.norm_visible = nn.LayerNorm(embed_dims)
        self.proj_infrared = nn.Linear(embed_dims, teacher_dims)
        self.proj_visible = nn.Linear(embed_dims, teacher_dims)
        init_transformer(self)

    def forward(self, unique: Sensors, common: Sensors) -> Sensors:
        """Predict.

        Args:
            unique: of each image, deep plus skip, B×N×C.
            common: of each image, from it to the other one, deep plus skip, normalised, B×N×C.

        Returns:
            B×N×T each.
        """
        return Sensors(
            visible=self.proj_visible(self.norm_visible(unique.visible) + common.visible),
            infrared=self.proj_infrared(self.norm_infrared(unique.infrared) + common.infrared),
        )
