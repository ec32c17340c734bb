"""Building blocks in plain torch, independent of any registry."""

from .attention import CrossAttention, SelfAttention
from .colour import as_pairs, luma
from .decomposition_block import NUM_HEADS, DecompositionBlock
from .drop_path import DropPath
from .init import init_transformer, quieten
from .layer_norm import LayerNorm2d
from .linear import Linear
from .low_rank import LowRankLinear
from .normalize import Normalize
from .padding import Content, mark_padding
from .patch_embed import PATCH_SIZE, PatchEmbed, extend_to_patches
from .position_embedding import PositionEmbedding, sincos_position_embedding
from .token_masking import keep_tokens, restore_tokens, sample_kept
from .tokens import patchify, tokens_to_map, unpatchify
from .transformer_block import TransformerBlock
from .windows import Windows

__all__ = [
    'NUM_HEADS',
    'PATCH_SIZE',
    'Content',
    'CrossAttention',
    'DecompositionBlock',
    'DropPath',
    'LayerNorm2d',
    'Linear',
    'LowRankLinear',
    'Normalize',
    'PatchEmbed',
    'PositionEmbedding',
    'SelfAttention',
    'TransformerBlock',
    'Windows',
    'as_pairs',
    'extend_to_patches',
    'init_transformer',
    'keep_tokens',
    'luma',
    'mark_padding',
    'patchify',
    'quieten',
    'restore_tokens',
    'sample_kept',
    'sincos_position_embedding',
    'tokens_to_map',
    'unpatchify',
]
