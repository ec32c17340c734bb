"""Distils a public ViT into the pyramid of a network."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mmdefusion.registry import MODELS, build_model_part

from .map_distillation import MapDistiller


@MODELS.register_module()
class PyramidDistiller(MapDistiller):
    """Trains the pyramid behind a frozen encoder and decomposition to predict what a teacher sees in either image.

    Args:
        backbone: the encoder, as a config or a module, like the next. It is not trained.
        neck: the decomposition, which is not trained, and the pyramid, which is; its strides are at most 16.
        teacher, head, views, data_preprocessor, init_cfg: see :class:`MapDistiller`.

    Raises:
        ValueError: if the head predicts tokens of another width, or the pyramid has maps that are coarser than patches.
    """

    def __init__(
        self,
        backbone: dict | nn.Module,
        neck: list[dict | nn.Module],
        teacher: dict | nn.Module,
        head: dict,
        views: dict | nn.Module,
        data_preprocessor: dict | None = None,
        init_cfg: dict | list | None = None,
    ) -> None:
        neck = build_model_part(neck)
        super().__init__(neck[1].level_strides, teacher, head, views, data_preprocessor, init_cfg)
        self.backbone = build_model_part(backbone).requires_grad_(False)
        self.neck = neck
        self.neck[0].requires_grad_(False)

    def maps(self, pairs: Tensor) -> Sequence[Tensor]:
        with torch.no_grad():
            decomposition = self.neck[0](self.backbone(pairs))
        return self.neck[1](decomposition)

    def train(self, mode: bool = True) -> 'PyramidDistiller':
        """Sets the mode of the pyramid and the heads; encoder and decomposition stay in evaluation mode."""
        super().train(mode)
        self.backbone.eval()
        self.neck[0].eval()
        return self
