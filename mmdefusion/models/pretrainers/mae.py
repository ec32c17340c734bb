"""A plain masked autoencoder (He et al., arXiv 2111.06377), to train the infrared teacher, which is not published."""

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmdefusion.registry import MODELS, build_model_part

from ..layers import (
    PATCH_SIZE,
    PositionEmbedding,
    TransformerBlock,
    init_transformer,
    patchify,
    restore_tokens,
    sample_kept,
)
from .encoder_pretrainer import EncoderPretrainer


@MODELS.register_module()
class MAEDecoder(BaseModule):
    """A light transformer that predicts all patches from the encoder's kept tokens.

    Args:
        in_dims: width of the encoder.
        embed_dims: width of the decoder.
        depth: number of blocks.
        num_heads: heads of each block.
        init_cfg: initialisation config of MMEngine.
    """

    def __init__(
        self,
        in_dims: int,
        embed_dims: int = 512,
        depth: int = 8,
        num_heads: int = 16,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.embed = nn.Linear(in_dims, embed_dims)
        self.mask_token = nn.Parameter(torch.zeros(1, 1, embed_dims))
        self.position_embedding = PositionEmbedding(embed_dims)
        self.blocks = nn.Sequential(*(TransformerBlock(embed_dims, num_heads, eps=1e-6) for _ in range(depth)))
        self.norm = nn.LayerNorm(embed_dims, eps=1e-6)
        self.proj = nn.Linear(embed_dims, PATCH_SIZE * PATCH_SIZE * 3)
        init_transformer(self)
        nn.init.normal_(self.mask_token, std=0.02)

    def forward(self, tokens: Tensor, kept: Tensor, grid: tuple[int, int]) -> Tensor:
        """Predicts patches B×(h·w)×(16·16·3), channel fastest, from the tokens of the kept patches, B×(1 + K)×C."""
        tokens = restore_tokens(self.embed(tokens), kept, self.mask_token, grid[0] * grid[1])
        tokens = self.blocks(tokens + self.position_embedding(grid))
        return self.proj(self.norm(tokens))[:, 1:]


@MODELS.register_module()
class MAEPretrainer(EncoderPretrainer):
    """Learns to predict the patches that are hidden from the encoder.

    Args:
        backbone: a :class:`MAEEncoder`, as a config or a module, like the next.
        decoder: a :class:`MAEDecoder`.
        mask_ratio: share of the patches that is hidden.
        norm_pix: whether targets are patches normalised by their own mean and deviation, which is MAE's best setting.
        data_preprocessor: config of a preprocessor that gives RGB in [0, 1].
        init_cfg: initialisation config of MMEngine.

    Raises:
        ValueError: if ``mask_ratio`` hides nothing or everything.
    """

    def __init__(
        self,
        backbone: dict | nn.Module,
        decoder: dict | nn.Module,
        mask_ratio: float = 0.75,
        norm_pix: bool = True,
        data_preprocessor: dict | None = None,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(backbone, data_preprocessor, init_cfg)
        self.decoder = build_model_part(decoder)
        if not 0 < mask_ratio < 1:
            raise ValueError(f'mask_ratio={mask_ratio} must be a share between 0 and 1.')
        self.mask_ratio = mask_ratio
        self.norm_pix = norm_pix

    def encode(self, images: Tensor) -> Tensor:
        """Encodes normalised images B×3×H×W to tokens B×N×C, without hiding patches."""
        return self.backbone(images)

    def loss(self, images: Tensor) -> dict[str, Tensor]:
        """Computes the mean squared error over the hidden patches of B×3×H×W.

        Raises:
            ValueError: if the images have one patch, which is kept, so that nothing is hidden.
        """
        images = self.normalize(images)
        target = patchify(images, PATCH_SIZE)
        if target.shape[1] == 1:
            raise ValueError(
                f'Images of {PATCH_SIZE}×{PATCH_SIZE} are one patch, and none to predict: train on larger.'
            )
        if self.norm_pix:
            target = (target - target.mean(-1, keepdim=True)) / (target.var(-1, keepdim=True) + 1e-6).sqrt()
        grid = images.shape[-2] // PATCH_SIZE, images.shape[-1] // PATCH_SIZE
        kept = sample_kept(torch.rand(target.shape[:2], device=images.device), self.mask_ratio)
        predicted = self.decoder(self.backbone(images, kept), kept, grid)
        hidden = torch.ones(target.shape[:2], device=images.device).scatter(1, kept, 0.0)
        error = ((predicted - target) ** 2).mean(-1)
        return dict(loss_patches=(error * hidden).sum() / hidden.sum())
