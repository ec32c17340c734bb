"""Trains a decomposition so that its fused tokens keep what the encoder knows of both images."""

from collections.abc import Sequence

import torch
from mmengine.model import BaseModel
from mmengine.structures import BaseDataElement
from torch import Tensor, nn
from torch.nn.functional import layer_norm

from mmdefusion.registry import MODELS, build_model_part

from ..heads import DistillationHead
from ..layers import Normalize, as_pairs
from ..necks.decomposition import DecompositionNeck
from ..structures import PairFeatures
from .teacher_fit import refuse_other_width


@MODELS.register_module()
class FusionDistiller(BaseModel):
    """Distils a frozen encoder into the fused tokens: those of both images must be predictable from them.

    Not part of the paper, whose pretraining decodes fused tokens to images and asks nothing else of them. Detectors
    and segmenters read fused tokens, and what these have lost, no head can find. A batch of single images is paired
    with their grey values.

    Args:
        backbone: the encoder, as a config or a module, like the next two. It is not trained.
        neck: parts of the neck, of which the first (``neck.0``) is the decomposition that is trained.
        head: config of the :class:`DistillationHead`; there is one for each image. Its ``teacher_dims`` is the width of
            the encoder.
        data_preprocessor: config of a preprocessor that gives RGB in [0, 1].
        init_cfg: initialisation config of MMEngine, such as ``dict(type='Pretrained', checkpoint=...)``.

    Raises:
        ValueError: if the head predicts tokens of another width than those of the encoder.
    """

    def __init__(
        self,
        backbone: dict | nn.Module,
        neck: list[dict | nn.Module] | nn.Module,
        head: dict,
        data_preprocessor: dict | None = None,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(data_preprocessor, init_cfg)
        self.backbone = build_model_part(backbone).requires_grad_(False)
        self.neck = build_model_part(neck)
        self.head_a: DistillationHead = build_model_part(head)
        self.head_b: DistillationHead = build_model_part(head)
        self.normalize = Normalize()
        refuse_other_width('head', self.head_a.teacher_dims, 'backbone', self.backbone.embed_dims)

    @property
    def decomposition(self) -> DecompositionNeck:
        """The first part of the neck."""
        return self.neck[0]

    def forward(
        self, inputs: Tensor, data_samples: Sequence[BaseDataElement] | None = None, mode: str = 'tensor'
    ) -> dict[str, Tensor] | Tensor:
        """Runs one of MMEngine's modes: ``'loss'``, or ``'tensor'`` for the fused tokens B×N×C.

        Args:
            inputs: pairs B×6×H×W or images B×3×H×W, RGB in [0, 1], whose sides are multiples of 16.
            data_samples: not used.
            mode: ``'loss'`` or ``'tensor'``.
        """
        return self.loss(inputs) if mode == 'loss' else self.decomposition(self.encode(inputs)).fused

    def encode(self, inputs: Tensor) -> PairFeatures:
        """The encoder's features of pairs B×6×H×W, or of images B×3×H×W and their grey values."""
        with torch.no_grad():
            return self.backbone(self.normalize(as_pairs(inputs)))

    def loss(self, inputs: Tensor) -> dict[str, Tensor]:
        """Distances of the tokens predicted from the fused ones, from the encoder's own, each of these normalised."""
        features = self.encode(inputs)
        fused = self.decomposition(features).fused
        tokens_a, tokens_b = (layer_norm(tokens, tokens.shape[-1:]) for tokens in features.deep)
        return dict(loss_a=self.head_a.loss(fused, tokens_a), loss_b=self.head_b.loss(fused, tokens_b))

    def train(self, mode: bool = True) -> 'FusionDistiller':
        """Sets the mode of all parts but the encoder, which stays in evaluation mode."""
        super().train(mode)
        self.backbone.eval()
        return self
