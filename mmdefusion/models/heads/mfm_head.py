"""Masked feature modelling (MFM): decodes the clean image from a quarter of the tokens (arXiv 2410.12274, III)."""

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmdefusion.registry import MODELS

from ..layers import (
    NUM_HEADS,
    PATCH_SIZE,
    PositionEmbedding,
    TransformerBlock,
    init_transformer,
    keep_tokens,
    restore_tokens,
    sample_kept,
    unpatchify,
)
from ..structures import Parts


@MODELS.register_module()
class MFMHead(BaseModule):
    """Selects the tokens to fuse, and decodes the image from the fused tokens.

    Args:
        embed_dims: width C of the tokens.
        mask_ratio: share of the patches that are dropped; the class token is always kept.
        init_cfg: initialisation config of MMEngine.

    Raises:
        ValueError: if ``mask_ratio`` is no share below 1.
    """

    def __init__(self, embed_dims: int, mask_ratio: float = 0.75, init_cfg: dict | list | None = None) -> None:
        super().__init__(init_cfg)
        if not 0 <= mask_ratio < 1:
            raise ValueError(f'mask_ratio={mask_ratio} must be a share from 0 to below 1.')
        self.mask_ratio = mask_ratio
        self.mask_token = nn.Parameter(torch.zeros(1, 1, embed_dims))
        self.position_embedding = PositionEmbedding(embed_dims)
        self.blocks = nn.Sequential(*(TransformerBlock(embed_dims, NUM_HEADS) for _ in range(2)))
        self.norm = nn.LayerNorm(embed_dims)
        self.proj = nn.Linear(embed_dims, PATCH_SIZE * PATCH_SIZE * 3)
        init_transformer(self)

    def sample_kept(self, tokens: Tensor) -> Tensor:
        """Samples the indices of the patches to fuse, B×K, for tokens B×N×C."""
        return sample_kept(torch.rand(tokens[:, 1:, 0].shape, device=tokens.device), self.mask_ratio)

    @staticmethod
    def keep(parts: Parts, kept: Tensor) -> Parts:
        """The class token and the kept patches of each part, B×(1 + K)×C."""
        return Parts(*(keep_tokens(tokens, kept) for tokens in parts))

    def forward(self, fused: Tensor, kept: Tensor, grid: tuple[int, int]) -> Tensor:
        """Decodes fused tokens B×(1 + K)×C to the whole RGB image B×3×16h×16w in [0, 1], not clipped."""
        tokens = restore_tokens(fused, kept, self.mask_token, grid[0] * grid[1])
        tokens = self.blocks(tokens + self.position_embedding(grid))
        return unpatchify(self.proj(self.norm(tokens))[:, 1:], grid, PATCH_SIZE)
