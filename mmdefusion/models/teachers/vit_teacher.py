"""Public vision transformers that teach."""

from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import layer_norm

from mmdefusion.registry import MODELS

from ..backbones.architectures import resolve_architecture, suit_architecture
from ..backbones.defusion_encoder import DeFusionEncoder
from ..checkpoints.vit import ViTWeights
from ..checkpoints.vit_file import pretrained_vit
from .frozen_teacher import FrozenTeacher


@MODELS.register_module()
class ViTTeacher(FrozenTeacher):
    """The first blocks of a public ViT, frozen: B×3×H×W normalised RGB to B×N×T tokens, class token first.

    Its tokens are normalised each by itself (LayerNorm without weights), so that their scale, which differs by orders
    of magnitude between the blocks of a ViT, does not decide what the student learns.

    Args:
        checkpoint: any file that :class:`DeFusionEncoder` reads, such as DINOv2's.
        arch: as there; ``'auto'`` is the file's.
        layer: after how many blocks the tokens are taken; ``None``: after the last.

    Raises:
        ValueError: if the file holds no public ViT, or one with fewer blocks.
    """

    def __init__(self, checkpoint: str, arch: str | dict = 'auto', layer: int | None = None) -> None:
        there = arch == 'auto' or Path(checkpoint).is_file()  # a config builds before its files are there
        vit = self._read(checkpoint) if there else None
        arch = suit_architecture(vit, checkpoint) if arch == 'auto' else resolve_architecture(arch)
        layer = arch.depth if layer is None else layer
        if not 1 <= layer <= arch.depth:
            raise ValueError(f'layer={layer} of the teacher is out of range: {checkpoint} has {arch.depth} blocks.')
        heads = arch.num_heads if layer < arch.depth else arch.last_num_heads
        super().__init__(DeFusionEncoder(replace(arch, depth=layer, last_num_heads=heads)))
        if vit is not None:
            self.encoder.make_room(vit)
        self.checkpoint = checkpoint

    def init_weights(self) -> None:
        """Read the weights of the blocks that are asked.

        Raises:
            FileNotFoundError: if the file is not there.
        """
        self.encoder.load_vit(self._read(self.checkpoint).first(len(self.encoder.blocks)), self.checkpoint)

    @staticmethod
    def _read(checkpoint: str) -> ViTWeights:
        vit, name = pretrained_vit(dict(type='Pretrained', checkpoint=checkpoint))
        if vit is None:
            raise ValueError(f'{name} holds no public ViT: give the file of one, such as DINOv2.')
        return vit

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        """Tokens of the layer, each of mean 0 and variance 1."""
        tokens = self.encoder.encode(images)[0][-1]
        return layer_norm(tokens, tokens.shape[-1:])
