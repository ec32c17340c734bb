"""Distils a public ViT into the encoder, on single images."""

from torch import Tensor, nn

from mmdefusion.registry import MODELS, build_model_part

from .encoder_pretrainer import EncoderPretrainer
from .teacher_fit import refuse_finer, refuse_other_width


@MODELS.register_module()
class EncoderDistiller(EncoderPretrainer):
    """Trains a :class:`DeFusionEncoder` to predict the patch tokens of a frozen teacher. Not part of the paper.

    The paper starts its encoder from TinyMIM, which was distilled too. This class makes such a start from any teacher
    and any images, visible and infrared. Other configs load the ``backbone.`` of the checkpoint.

    Args:
        backbone: the encoder, as a config or a module, like the next three.
        teacher: the teacher, such as :class:`ViTTeacher`, inside a :class:`CachedTeacher` if crops are
            repeated.
        head: a :class:`DistillationHead`.
        views: the sampler of the student's views, such as :class:`StudentViews`.
        data_preprocessor: config of a preprocessor that gives RGB in [0, 1].
        init_cfg: initialisation config of MMEngine.

    Raises:
        ValueError: if the head predicts tokens of another width than those of the teacher.
    """

    def __init__(
        self,
        backbone: dict | nn.Module,
        teacher: dict | nn.Module,
        head: dict | nn.Module,
        views: dict | nn.Module,
        data_preprocessor: dict | None = None,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(backbone, data_preprocessor, init_cfg)
        # nothing here reads the skip feature, and several processes would wait for gradients of its norms
        for norm in (self.backbone.skip_norm1, self.backbone.skip_norm2):
            norm.requires_grad_(False)
        self.teacher = build_model_part(teacher)
        self.head = build_model_part(head)
        self.views = build_model_part(views)
        refuse_finer(self.teacher)
        refuse_other_width('head', self.head.teacher_dims, 'teacher', self.teacher.embed_dims)

    def loss(self, images: Tensor) -> dict[str, Tensor]:
        """Distance from the teacher's patch tokens; the class token is left out, as it describes the whole image."""
        view = self.views(images, self.teacher(self.normalize(images))[:, 1:])
        tokens = self.encode(self.normalize(view.images))
        return dict(loss_tokens=self.head.loss(tokens[:, 1:], view.targets.flatten(2).mT))

    def encode(self, images: Tensor) -> Tensor:
        """The tokens after the last block of the encoder, B×N×C."""
        return self.backbone.encode(images)[0][-1]
