"""The siamese ViT encoder of DeFusion++ (arXiv 2410.12274, section III)."""

from dataclasses import dataclass

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mmdefusion.registry import MODELS

from ..layers import Content, PatchEmbed, PositionEmbedding, TransformerBlock, init_transformer
from ..structures import Pair, PairFeatures

EPS = 1e-6  # LayerNorm's epsilon inside the encoder


@dataclass(frozen=True)
class Architecture:
    """Numbers of a ViT/16 encoder; the last block has heads of its own, as in TinyMIM."""

    embed_dims: int
    depth: int = 12
    num_heads: int = 6
    last_num_heads: int = 12


ARCHITECTURES = {
    'tiny': Architecture(embed_dims=192),
    'small': Architecture(embed_dims=384),
    'base': Architecture(embed_dims=768, num_heads=12),
}


def resolve_architecture(arch: str | dict | Architecture) -> Architecture:
    """Architecture of a preset's name or of a dict of :class:`Architecture`'s fields.

    Raises:
        ValueError: if there is no such preset or no such field.
    """
    if isinstance(arch, Architecture):
        return arch
    if isinstance(arch, str):
        if arch not in ARCHITECTURES:
            raise ValueError(f'arch={arch!r} is no preset: use one of {list(ARCHITECTURES)} or a dict.')
        return ARCHITECTURES[arch]
    try:
        return Architecture(**arch)
    except TypeError as error:
        raise ValueError(f'arch={dict(arch)} is not an architecture ({error}): give embed_dims, depth, ...') from error


def encoder_layer_id(name: str, depth: int) -> int:
    """Depth of an encoder parameter for layer-wise learning-rate decay.

    Args:
        name: the parameter's name inside the encoder, such as ``blocks.3.attn.qkv.weight``.
        depth: number of blocks.

    Returns:
        0 for the embedding, k for block k - 1, ``depth`` + 1 for the norms of the skip feature,
        which belong to what reads the encoder.
    """
    if name.startswith('blocks.'):
        return int(name.split('.')[1]) + 1
    return depth + 1 if name.startswith('skip_norm') else 0


@MODELS.register_module()
class DeFusionEncoder(BaseModule):
    """ViT/16 that encodes both images of a pair with one set of weights, in one batch.

    Args:
        arch: ``'tiny'``, ``'small'`` or ``'base'`` (widths 192, 384, 768), or a dict of
            ``embed_dims``, ``depth``, ``num_heads``, ``last_num_heads``.
        drop_path_rate: stochastic depth, the same in all blocks but the last, which has none.
        frozen_stages: -1 trains everything, 0 freezes the embedding, k freezes it and the first k blocks.
        with_cp: recompute activations in the backward pass (activation checkpointing).
        init_cfg: MMEngine's, such as ``dict(type='Pretrained', checkpoint=..., prefix='backbone.')``.
            Without it the encoder starts from Xavier-uniform linear maps.
    """

    def __init__(
        self,
        arch: str | dict = 'tiny',
        drop_path_rate: float = 0.1,
        frozen_stages: int = -1,
        with_cp: bool = False,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.arch = resolve_architecture(arch)
        self.embed_dims, depth = self.arch.embed_dims, self.arch.depth
        if not -1 <= frozen_stages <= depth:
            raise ValueError(f'frozen_stages={frozen_stages} is out of range: this encoder takes -1 to {depth}.')
        self.frozen_stages = frozen_stages
        self.with_cp = with_cp

        self.patch_embed = PatchEmbed(self.embed_dims)
        self.position_embedding = PositionEmbedding(self.embed_dims)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, self.embed_dims))
        self.blocks = nn.ModuleList(
            TransformerBlock(self.embed_dims, self.arch.num_heads, EPS, drop_path_rate) for _ in range(depth - 1)
        )
        self.blocks.append(TransformerBlock(self.embed_dims, self.arch.last_num_heads, EPS))
        self.skip_norm1 = nn.LayerNorm(self.embed_dims)
        self.skip_norm2 = nn.LayerNorm(self.embed_dims)

        init_transformer(self)
        nn.init.normal_(self.cls_token, std=0.02)
        self._register_load_state_dict_pre_hook(self._refuse_other_arch)
        self._freeze()

    def forward(self, pair: Tensor) -> PairFeatures:
        """Encode pairs of any height and width.

        Args:
            pair: B×6×H×W, two normalised RGB images along the channels. Pictures that the preprocessor has padded
                see themselves only: each gets the positions of its own grid, and nothing attends to padding.

        Raises:
            ValueError: if the tensor does not have six channels.
        """
        if pair.ndim != 4 or pair.shape[1] != 6:
            raise ValueError(
                f'DeFusionEncoder got a tensor of shape {tuple(pair.shape)} but reads B×6×H×W, two RGB images: '
                'set data_preprocessor to mmdefusion.PairedDetDataPreprocessor or PairedSegDataPreprocessor.'
            )
        content = Content.of(pair)
        layers, grid = self.encode(torch.cat(content.pictures(pair).chunk(2, dim=1)), content)
        skip = self.skip_norm1(layers[0]) + self.skip_norm2(layers[1])
        return PairFeatures(
            deep=Pair(*layers[-1].chunk(2)),
            skip=Pair(*skip.chunk(2)),
            layers=tuple(Pair(*layer.chunk(2)) for layer in layers),
            grid=grid,
            content=content,
            mask=content.token_mask(grid, pair.device),
        )

    def encode(self, images: Tensor, content: Content | None = None) -> tuple[list[Tensor], tuple[int, int]]:
        """Encode single normalised RGB images B×3×H×W.

        Args:
            images: both images of each pair along the batch, or others.
            content: where the pictures are, if any is padded; of half as many where both images of pairs are encoded.

        Returns:
            Tokens B×N×C: the embedding, then the output of each block; and the grid h, w.
        """
        tokens, grid = self.patch_embed(images)
        mask = content.token_mask(grid, images.device) if content else None
        position = self.position_embedding(grid) if mask is None else self._own_positions(content, grid, len(images))
        # positions are float32 under autocast, and so are the sums
        cls_token = (self.cls_token + position[..., :1, :]).expand(tokens.shape[0], -1, -1)
        x = torch.cat([cls_token, tokens + position[..., 1:, :]], dim=1)
        layers = [x]
        for block in self.blocks:
            x = checkpoint(block, x, mask, use_reentrant=False) if self.with_cp and x.requires_grad else block(x, mask)
            layers.append(x)
        return layers, grid

    def _own_positions(self, content: Content, grid: tuple[int, int], batch: int) -> Tensor:
        """B×(1 + h·w)×C: of each picture the embedding of its own grid, whatever it is padded to."""
        found = torch.stack([self.position_embedding.within(own, grid) for own in content.grids()])
        return found.repeat(batch // len(found), 1, 1)

    def train(self, mode: bool = True) -> 'DeFusionEncoder':
        """As usual, but frozen stages stay in evaluation mode (no stochastic depth in them)."""
        super().train(mode)
        self._freeze()
        return self

    def _freeze(self) -> None:
        if self.frozen_stages < 0:
            return
        self.cls_token.requires_grad_(False)
        for module in (self.patch_embed, *self.blocks[: self.frozen_stages]):
            module.eval()
            module.requires_grad_(False)

    def _refuse_other_arch(self, state_dict: dict, prefix: str, *_) -> None:
        """Raise on weights of another width or depth, which MMEngine would only warn of, and train from scratch."""
        held = [key[len(prefix) :] for key in state_dict if key.startswith(prefix)]
        weight = state_dict.get(f'{prefix}patch_embed.proj.weight')
        if weight is None:
            if held:
                raise ValueError(
                    f'The checkpoint holds {", ".join(held[:3])}, ... where an encoder of DeFusion++ should be: '
                    'name another checkpoint, or the prefix under which the encoder is.'
                )
            return
        blocks = {key.split('.')[1] for key in held if key.startswith('blocks.')}
        if weight.shape[0] != self.embed_dims or len(blocks) != len(self.blocks):
            raise ValueError(
                f'The checkpoint holds an encoder of width {weight.shape[0]} with {len(blocks)} blocks, the config '
                f'builds width {self.embed_dims} with {len(self.blocks)} blocks (arch={self.arch}): '
                'set arch to that of the checkpoint, or load another checkpoint.'
            )
