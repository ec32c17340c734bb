"""The plain ViT encoder of masked autoencoders (He et al., arXiv 2111.06377), whose tokens MCUD predicts."""

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmdefusion.registry import MODELS

from ..layers import PatchEmbed, PositionEmbedding, TransformerBlock, init_transformer, keep_tokens
from .architectures import resolve_architecture
from .defusion_encoder import EPS


@MODELS.register_module()
class MAEEncoder(BaseModule):
    """A ViT/16 with fixed sin-cos positions and a final norm; parameters have the names of MAE's published checkpoints.

    Args:
        arch: preset or dict as in :class:`DeFusionEncoder`, but all blocks have ``num_heads``; ``'base'`` is MAE's
            ViT-B/16.
        init_cfg: initialisation config of MMEngine.
    """

    def __init__(self, arch: str | dict = 'base', init_cfg: dict | list | None = None) -> None:
        super().__init__(init_cfg)
        self.arch = resolve_architecture(arch)
        self.embed_dims = self.arch.embed_dims
        self.patch_embed = PatchEmbed(self.embed_dims)
        self.position_embedding = PositionEmbedding(self.embed_dims)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, self.embed_dims))
        blocks = (TransformerBlock(self.embed_dims, self.arch.num_heads, EPS) for _ in range(self.arch.depth))
        self.blocks = nn.Sequential(*blocks)
        self.norm = nn.LayerNorm(self.embed_dims, eps=EPS)
        init_transformer(self)
        nn.init.normal_(self.cls_token, std=0.02)

    def forward(self, images: Tensor, kept: Tensor | None = None) -> Tensor:
        """Encodes normalised RGB images.

        Args:
            images: B×3×H×W.
            kept: indices of the patches to encode, B×K; None encodes all.

        Returns:
            Tokens B×(1 + K)×C, class token first.
        """
        patches, grid = self.patch_embed(images)
        cls_token = self.cls_token.expand(len(images), -1, -1)
        tokens = torch.cat([cls_token, patches], dim=1) + self.position_embedding(grid)
        if kept is not None:
            tokens = keep_tokens(tokens, kept)
        return self.norm(self.blocks(tokens))
