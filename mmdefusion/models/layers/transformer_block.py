"""The pre-norm ViT block."""

from torch import Tensor, nn

from .attention import SelfAttention
from .drop_path import DropPath
from .linear import Linear, is_silent
from .windows import Windows

MLP_RATIO = 4  # hidden width of every MLP divided by that of the tokens


class Mlp(nn.Module):
    """Linear, exact GELU, linear, on the last dimension: B×N×C to B×N×C."""

    def __init__(self, embed_dims: int, hidden_dims: int) -> None:
        super().__init__()
        self.fc1 = Linear(embed_dims, hidden_dims, activation='gelu')
        self.fc2 = Linear(hidden_dims, embed_dims)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(self.fc1(x))


class TransformerBlock(nn.Module):
    """A pre-norm ViT block, x + attention(LN(x)), then x + MLP(LN(x)): B×N×C to B×N×C.

    Args:
        embed_dims: width C.
        num_heads: number of heads of the attention.
        eps: epsilon of both LayerNorms: 1e-6 in the encoder and the teachers, 1e-5 elsewhere.
        drop_path: rate of stochastic depth of both branches.

    :meth:`forward` takes ``mask``: true for the tokens that are attended to (B×N), or :class:`Windows`; None for all.
    """

    def __init__(self, embed_dims: int, num_heads: int, eps: float = 1e-5, drop_path: float = 0.0) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(embed_dims, eps=eps)
        self.attn = SelfAttention(embed_dims, num_heads)
        self.norm2 = nn.LayerNorm(embed_dims, eps=eps)
        self.mlp = Mlp(embed_dims, MLP_RATIO * embed_dims)
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor, mask: Tensor | Windows | None = None) -> Tensor:
        if not is_silent(self.attn.proj, self.norm1, self.attn):
            x = self.drop_path.add(x, self._attend, mask)
        return x if is_silent(self.mlp.fc2, self.norm2, self.mlp) else self.drop_path.add(x, self._think)

    def _attend(self, x: Tensor, mask: Tensor | Windows | None) -> Tensor:
        return self.attn(self.norm1(x), mask)

    def _think(self, x: Tensor, mask: None) -> Tensor:
        return self.mlp(self.norm2(x))
