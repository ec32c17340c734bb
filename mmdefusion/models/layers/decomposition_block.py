"""The cross-attention block that decomposes and fuses (DeFusion++, arXiv 2410.12274)."""

from typing import Literal

import torch
from torch import Tensor, nn

from .attention import CrossAttention
from .dropout import Dropout
from .linear import Linear, is_silent
from .transformer_block import MLP_RATIO
from .windows import Windows

WORTH_FOLDING = 2  # tokens for each channel from which on multiplying two linear maps first saves work
NUM_HEADS = 16  # heads of every block outside the encoder and the teachers


class DecompositionBlock(nn.Module):
    """D(s, t): a post-norm cross-attention block in which t gives the query and the residual.

    The value always comes from s. The key comes from t if the block computes what both images share
    (``kind='common'``), and from s if it computes what only one of them has (``kind='unique'``). Query, key and value
    each pass a linear map before the input projection of the attention, so two linear maps follow each other, as in the
    authors' checkpoints. Where enough tokens pass, the two are multiplied first and applied as one.

    Args:
        embed_dims: width C of the tokens.
        kind: 'common' takes the key from t, 'unique' from s.
        num_heads: number of heads of the attention.
        dropout: dropout rate on the output of the attention and in the feed-forward part, not on attention weights.

    Raises:
        ValueError: if there is no such ``kind``.
    """

    def __init__(
        self,
        embed_dims: int,
        kind: Literal['common', 'unique'],
        num_heads: int = NUM_HEADS,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        if kind not in ('common', 'unique'):
            raise ValueError(f"kind={kind!r} is not a decomposition: use 'common' or 'unique'.")
        self.kind = kind
        self.query = Linear(embed_dims, embed_dims)
        self.key = Linear(embed_dims, embed_dims)
        self.value = Linear(embed_dims, embed_dims)
        self.attn = CrossAttention(embed_dims, num_heads)
        self.norm1 = nn.LayerNorm(embed_dims)
        self.linear1 = Linear(embed_dims, MLP_RATIO * embed_dims, activation='relu')
        self.linear2 = Linear(MLP_RATIO * embed_dims, embed_dims)
        self.norm2 = nn.LayerNorm(embed_dims)
        self.drop = Dropout(dropout)

    def forward(self, s: Tensor, t: Tensor, mask: Tensor | Windows | None = None) -> Tensor:
        """Applies the block.

        Args:
            s: tokens that give the value, B×N×C. With k times as many rows in t, it counts for every B-th of them.
            t: tokens that give the query and the residual, B×N×C.
            mask: true for the tokens that are attended to, B×N, or windows (see :func:`attend`); None for all.

        Returns:
            Tokens B×N×C.
        """
        attending = self.query, self.key, self.value, self.attn
        y = t if is_silent(self.attn.out_proj, *attending) else t + self.drop(self._attend(s, t, mask))
        y = self.norm1(y)
        if is_silent(self.linear2, self.linear1):
            return self.norm2(y)
        return self.norm2(y + self.drop(self.linear2(self.drop(self.linear1(y)))))

    def _attend(self, s: Tensor, t: Tensor, mask: Tensor | Windows | None) -> Tensor:
        inputs, maps = (t, self._key_input(s, t), s), (self.query, self.key, self.value)
        recorded = torch.compiler.is_compiling() or torch.jit.is_tracing()  # then the batch may be of any size
        if not recorded and t.shape[:2].numel() < WORTH_FOLDING * t.shape[-1]:
            return self.attn(*(inner(x) for inner, x in zip(maps, inputs, strict=True)), mask)
        return self.attn(*inputs, mask, after=maps)

    def attention(self, s: Tensor, t: Tensor) -> Tensor:
        """The attention weights, B×heads×N×N: which token (last dimension) each token of t attends to."""
        return self.attn.weights(self.query(t), self.key(self._key_input(s, t)))

    def _key_input(self, s: Tensor, t: Tensor) -> Tensor:
        return t if self.kind == 'common' else s
