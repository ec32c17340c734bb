"""Plain torch building blocks; nothing here knows of a registry."""

from .attention import CrossAttention, SelfAttention
from .decomposition_block import DecompositionBlock
from .drop_path import DropPath
from .init import init_transformer
from .layer_norm import LayerNorm2d
from .patch_embed import PatchEmbed
from .position_embedding import PositionEmbedding, sincos_position_embedding
from .tokens import tokens_to_map, unpatchify
from .transformer_block import TransformerBlock

__all__ = [
    'CrossAttention',
    'DecompositionBlock',
    'DropPath',
    'LayerNorm2d',
    'PatchEmbed',
    'PositionEmbedding',
    'SelfAttention',
    'TransformerBlock',
    'init_transformer',
    'sincos_position_embedding',
    'tokens_to_map',
    'unpatchify',
]
