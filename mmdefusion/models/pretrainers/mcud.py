"""Self-supervised pretraining on aligned infrared-visible pairs: multi-modal CUD (arXiv 2410.12274)."""

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm

from mmdefusion.registry import MODELS, build_model_part

from ..losses import MCUDLoss
from ..structures import Sensors
from .cud import CUDPretrainer
from .teacher_fit import refuse_finer, refuse_other_width


@MODELS.register_module()
class MCUDPretrainer(CUDPretrainer):
    """CUD on batches of images and multi-modal CUD on batches of pairs; joint training takes both in turn.

    The decomposition treats both images of a pair alike. In the paper, a is the infrared image and b the visible one.

    Args:
        infrared_teacher, visible_teacher: the frozen encoders whose tokens are predicted, as configs or modules, like
            the next two.
        teacher_head: predicts the tokens of the teachers.
        mcud_loss: the loss on pairs with its weights.
        **cud: arguments of :class:`CUDPretrainer`.

    Raises:
        ValueError: if the widths of a teacher and the head differ.
    """

    def __init__(
        self,
        infrared_teacher: dict | nn.Module,
        visible_teacher: dict | nn.Module,
        teacher_head: dict | nn.Module,
        mcud_loss: dict | MCUDLoss,
        **cud,
    ) -> None:
        super().__init__(**cud)
        self.infrared_teacher = build_model_part(infrared_teacher)
        self.visible_teacher = build_model_part(visible_teacher)
        self.teacher_head = build_model_part(teacher_head)
        self.mcud_loss = build_model_part(mcud_loss)
        for name in ('infrared_teacher', 'visible_teacher'):
            teacher = getattr(self, name)
            refuse_finer(teacher)
            refuse_other_width('teacher_head', self.teacher_head.teacher_dims, name, teacher.embed_dims)

    def loss(self, inputs: Tensor) -> dict[str, Tensor]:
        """Computes the losses of images B×3×H×W, or of pairs B×6×H×W (visible first), RGB in [0, 1]."""
        if inputs.shape[1] == 3:
            return super().loss(inputs)
        pair = Sensors(*inputs.chunk(2, dim=1))
        predicted, common = self.predict_teachers(pair)
        return self.mcud_loss(predicted, self.teach(pair), common)

    def predict_teachers(self, pair: Sensors) -> tuple[Sensors, Sensors]:
        """Predicts the tokens of both teachers for pairs of B×3×H×W in [0, 1].

        Returns:
            Predicted tokens B×N×T, and the common feature from each image to the other, normalised, B×N×C.
        """
        features = self.backbone(self.normalize(torch.cat(pair, dim=1)))
        unique, common = self.decomposition.decompose_both(features)
        common = Sensors(*(layer_norm(tokens, tokens.shape[-1:]) for tokens in common))
        return self.teacher_head(Sensors(*unique), common), common

    def teach(self, pair: Sensors) -> Sensors:
        """The tokens B×N×T of both teachers for pairs of B×3×H×W in [0, 1]."""
        return Sensors(
            visible=self.visible_teacher(self.normalize(pair.visible)),
            infrared=self.infrared_teacher(self.normalize(pair.infrared)),
        )
