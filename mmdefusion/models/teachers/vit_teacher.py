"""Public vision transformers as teachers."""

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn.functional import interpolate, layer_norm

from mmdefusion.registry import MODELS

from ..backbones.architectures import resolve_architecture, suit_architecture
from ..backbones.defusion_encoder import DeFusionEncoder
from ..checkpoints.vit import ViTWeights
from ..checkpoints.vit_file import pretrained_vit
from .frozen_teacher import FrozenTeacher

SCALES = (1, 2, 4)


@MODELS.register_module()
class ViTTeacher(FrozenTeacher):
    """The frozen first blocks of a public ViT: normalised RGB B×3×H×W to tokens B×N×T, class token first.

    Each token is normalised (LayerNorm without weights), as the scale of tokens differs by orders of magnitude between
    the blocks of a ViT and would otherwise dominate the loss.

    Args:
        checkpoint: any file that :class:`DeFusionEncoder` reads, such as DINOv2's; an address is fetched at once, a
            local file that is not there yet is an error in :meth:`init_weights`, unless ``arch`` is ``'auto'``.
        arch: as in :class:`DeFusionEncoder`; ``'auto'`` reads it from the file.
        layer: number of blocks after which the tokens are taken; None for all blocks.
        scale: how much larger the ViT sees the images, so that its tokens are so much finer than patches of 16 pixels:
            with 2 there is one for each 8×8 pixels. 1, 2 or 4, for :class:`PyramidDistiller` and
            :class:`PriorDistiller`. It takes at least scale² times as long.

    Raises:
        ValueError: if the file has no public ViT, or one with fewer blocks, or if ``scale`` is not allowed.
    """

    def __init__(self, checkpoint: str, arch: str | dict = 'auto', layer: int | None = None, scale: int = 1) -> None:
        if scale not in SCALES:
            raise ValueError(f'scale={scale} of the teacher must be one of {SCALES}.')
        try:
            vit = self._read(checkpoint)
        except FileNotFoundError:  # a config can be built before its files exist
            if arch == 'auto':
                raise
            vit = None
        arch = suit_architecture(vit, checkpoint) if arch == 'auto' else resolve_architecture(arch)
        layer = arch.depth if layer is None else layer
        if not 1 <= layer <= arch.depth:
            raise ValueError(f'layer={layer} of the teacher is out of range: {checkpoint} has {arch.depth} blocks.')
        heads = arch.num_heads if layer < arch.depth else arch.last_num_heads
        super().__init__(DeFusionEncoder(replace(arch, depth=layer, last_num_heads=heads)))
        if vit is not None:
            self.encoder.make_room(vit)
        self.checkpoint, self.scale = checkpoint, scale

    def init_weights(self) -> None:
        """Loads the weights of the blocks that are used.

        Raises:
            FileNotFoundError: if the file does not exist.
        """
        self.encoder.load_vit(self._read(self.checkpoint), self.checkpoint)

    @staticmethod
    def _read(checkpoint: str) -> ViTWeights:
        vit, name = pretrained_vit(dict(type='Pretrained', checkpoint=checkpoint))
        if vit is None:
            raise ValueError(f'{name} holds no public ViT: give the file of one, such as DINOv2.')
        return vit

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        """The tokens of the layer, each with mean 0 and variance 1, B×N×T."""
        if self.scale > 1:
            images = interpolate(images, scale_factor=self.scale, mode='bicubic')
        tokens = self.encoder.encode(images)[0][-1]
        return layer_norm(tokens, tokens.shape[-1:])
