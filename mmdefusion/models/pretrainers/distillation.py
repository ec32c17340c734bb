"""The encoder learns to say what a strong public ViT says of single images."""

from collections.abc import Sequence

from mmengine.model import BaseModel
from mmengine.structures import BaseDataElement
from torch import Tensor

from mmdefusion.registry import MODELS, build_model_part

from ..layers import Normalize


@MODELS.register_module()
class EncoderDistiller(BaseModel):
    """Trains a :class:`DeFusionEncoder` to predict a frozen teacher's patch tokens. Not part of the paper.

    The paper starts its encoder from TinyMIM, which was distilled as well; this makes such a start from any teacher and
    any images, visible and infrared alike. The checkpoint's ``backbone.`` is what other configs load.

    Args:
        backbone: config of the encoder.
        teacher: config of the teacher, such as :class:`ViTTeacher`, inside a :class:`CachedTeacher` where the same
            crops come again.
        head: config of the :class:`DistillationHead`.
        views: config of what draws the student's views, such as :class:`StudentViews`.
        data_preprocessor: config of what turns uint8 batches into RGB in [0, 1].
        init_cfg: MMEngine's.

    Raises:
        ValueError: if the head predicts tokens of another width than the teacher's.
    """

    def __init__(
        self,
        backbone: dict,
        teacher: dict,
        head: dict,
        views: dict,
        data_preprocessor: dict | None = None,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(data_preprocessor, init_cfg)
        self.backbone = build_model_part(backbone)
        self.teacher = build_model_part(teacher)
        self.head = build_model_part(head)
        self.views = build_model_part(views)
        self.normalize = Normalize()
        if self.teacher.embed_dims != self.head.teacher_dims:
            raise ValueError(
                f'teacher gives tokens of width {self.teacher.embed_dims}, head predicts {self.head.teacher_dims}: '
                f'set head.teacher_dims={self.teacher.embed_dims}, or take another teacher.'
            )

    def forward(
        self, inputs: Tensor, data_samples: Sequence[BaseDataElement] | None = None, mode: str = 'tensor'
    ) -> dict[str, Tensor] | Tensor:
        """``'loss'``: :meth:`loss`; ``'tensor'``: the encoder's tokens B×N×C of whole images.

        Args:
            inputs: B×3×H×W, RGB in [0, 1], sides multiples of 16.
            data_samples: not read.
            mode: one of the two.
        """
        if mode == 'loss':
            return self.loss(inputs)
        return self.backbone.encode(self.normalize(inputs))[0][-1]

    def loss(self, images: Tensor) -> dict[str, Tensor]:
        """Distance from the teacher's patch tokens; its class token says what the whole image is, a part is not it."""
        view = self.views(images, self.teacher(self.normalize(images))[:, 1:])
        tokens = self.backbone.encode(self.normalize(view.images))[0][-1]
        return dict(loss_tokens=self.head.loss(tokens[:, 1:], view.targets))
