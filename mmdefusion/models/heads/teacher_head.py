"""Predicts the tokens of a teacher from unique plus common tokens (arXiv 2410.12274, multi-modal CUD)."""

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
        init_cfg: initialisation config of MMEngine.
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
        """Predicts the tokens of both teachers.

        Args:
            unique: unique tokens of each image, deep plus skip, B×N×C.
            common: common tokens from each image to the other, deep plus skip, normalised, B×N×C.

        Returns:
            Predicted tokens, B×N×T each.
        """
        return Sensors(
            visible=self.proj_visible(self.norm_visible(unique.visible) + common.visible),
            infrared=self.proj_infrared(self.norm_infrared(unique.infrared) + common.infrared),
        )
