"""The cross-attention block that decomposes and fuses (DeFusion++, arXiv 2410.12274)."""

from typing import Literal

from torch import Tensor, nn

from .attention import CrossAttention

NUM_HEADS = 16  # of every block outside the encoder and the teachers


class DecompositionBlock(nn.Module):
    """D(s, t): a post-norm cross-attention block in which t gives the query and the residual.

    The value always comes from s. The key comes from t when the block looks for what both images
    share (``kind='common'``), and from s when it looks for what only one of them has
    (``kind='unique'``). Each of the three passes a linear map of its own before the attention's
    usual input projection, so two linear maps stand in a row, as in the authors' checkpoints.

    Args:
        embed_dims: width C of the tokens.
        kind: which image gives the key.
        num_heads: heads of the attention.
        dropout: on the attention's output and in the feed-forward part, not on attention weights.
        mlp_ratio: hidden width of the feed-forward part over C.
    """

    def __init__(
        self,
        embed_dims: int,
        kind: Literal['common', 'unique'],
        num_heads: int = NUM_HEADS,
        dropout: float = 0.1,
        mlp_ratio: int = 4,
    ) -> None:
        super().__init__()
        if kind not in ('common', 'unique'):
            raise ValueError(f"kind={kind!r} is not a decomposition: use 'common' or 'unique'.")
        self.kind = kind
        self.query = nn.Linear(embed_dims, embed_dims)
        self.key = nn.Linear(embed_dims, embed_dims)
        self.value = nn.Linear(embed_dims, embed_dims)
        self.attn = CrossAttention(embed_dims, num_heads)
        self.norm1 = nn.LayerNorm(embed_dims)
        self.linear1 = nn.Linear(embed_dims, mlp_ratio * embed_dims)
        self.linear2 = nn.Linear(mlp_ratio * embed_dims, embed_dims)
        self.norm2 = nn.LayerNorm(embed_dims)
        self.act = nn.ReLU()
        self.drop = nn.Dropout(dropout)

    def forward(self, s: Tensor, t: Tensor, mask: Tensor | None = None) -> Tensor:
        """Decompose.

        Args:
            s: tokens B×N×C of the image that is looked into.
            t: tokens B×N×C of the image that asks.
            mask: B×N (see :func:`attend`), true for the tokens that are attended to; all where there is none.

        Returns:
            Tokens B×N×C.
        """
        y = self.norm1(t + self.drop(self.attn(self.query(t), self._key(s, t), self.value(s), mask)))
        return self.norm2(y + self.drop(self.linear2(self.drop(self.act(self.linear1(y))))))

    def attention(self, s: Tensor, t: Tensor) -> Tensor:
        """B×heads×N×N attention weights: which token (last dimension) each token of t attends to."""
        return self.attn.weights(self.query(t), self._key(s, t))

    def _key(self, s: Tensor, t: Tensor) -> Tensor:
        return self.key(t if self.kind == 'common' else s)
