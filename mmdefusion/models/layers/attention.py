"""Multi-head attention that never stores the N×N matrix."""

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, scaled_dot_product_attention


def split_heads(x: Tensor, num_heads: int) -> Tensor:
    """Splits the channels into heads: B×N×C to B×heads×N×(C/heads)."""
    return x.unflatten(-1, (num_heads, -1)).transpose(1, 2)


def merge_heads(x: Tensor) -> Tensor:
    """Joins the heads: B×heads×N×width to B×N×(heads·width)."""
    return x.transpose(1, 2).flatten(2)


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """Scaled dot-product attention with merged heads.

    Args:
        q, k, v: queries, keys and values, B×heads×N×width each.
        mask: true for the keys that are attended to, B×N. A mask of half as many rows counts for both images of each
            pair, if these are concatenated along the batch.

        Returns:
            B×N×(heads·width).
    """
    if mask is not None:
        mask = mask.repeat(len(q) // len(mask), 1)[:, None, None]
    if q.device.type != 'cpu' or q.dtype != torch.bfloat16:
        return merge_heads(scaled_dot_product_attention(q, k, v, mask))
    # on CPUs, the backward pass is nine times slower in bfloat16 than in float32
    with torch.autocast('cpu', enabled=False):
        return merge_heads(scaled_dot_product_attention(q.float(), k.float(), v.float(), mask)).to(q.dtype)


def require_divisible(embed_dims: int, num_heads: int) -> None:
    if embed_dims % num_heads:
        raise ValueError(f'embed_dims={embed_dims} cannot be split over {num_heads} heads: choose a multiple of it.')


class SelfAttention(nn.Module):
    """Multi-head self-attention of a ViT: B×N×C to B×N×C.

    The rows of ``qkv`` are packed as (3, heads, head width), as in the checkpoints of MAE and timm. For ``mask``, see
    :func:`attend`.

    Args:
        embed_dims: width C.
        num_heads: number of heads.
    """

    def __init__(self, embed_dims: int, num_heads: int) -> None:
        super().__init__()
        require_divisible(embed_dims, num_heads)
        self.num_heads = num_heads
        self.qkv = nn.Linear(embed_dims, 3 * embed_dims)
        self.proj = nn.Linear(embed_dims, embed_dims)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        q, k, v = (split_heads(part, self.num_heads) for part in self.qkv(x).chunk(3, dim=-1))
        return self.proj(attend(q, k, v, mask))


class CrossAttention(nn.Module):
    """Multi-head attention with separate query, key and value, each B×N×C; the output is B×N×C.

    ``in_proj`` packs the three input projections in the order query, key, value, as ``torch.nn.MultiheadAttention``
    does. That class is not used because in several training settings it does not call ``scaled_dot_product_attention``,
    but a slower path. For ``mask``, see :func:`attend`.

    Args:
        embed_dims: width C.
        num_heads: number of heads.
    """

    def __init__(self, embed_dims: int, num_heads: int) -> None:
        super().__init__()
        require_divisible(embed_dims, num_heads)
        self.num_heads = num_heads
        self.in_proj = nn.Linear(embed_dims, 3 * embed_dims)
        self.out_proj = nn.Linear(embed_dims, embed_dims)

    def forward(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None) -> Tensor:
        weights, biases = self.in_proj.weight.chunk(3), self.in_proj.bias.chunk(3)
        q, k, v = (
            split_heads(linear(x, weight, bias), self.num_heads)
            for x, weight, bias in zip((query, key, value), weights, biases, strict=True)
        )
        return self.out_proj(attend(q, k, v, mask))

    def weights(self, query: Tensor, key: Tensor) -> Tensor:
        """The attention weights, B×heads×N×N, which :meth:`forward` never stores; for visualisation."""
        weights, biases = self.in_proj.weight.chunk(3), self.in_proj.bias.chunk(3)
        q, k = (
            split_heads(linear(x, weight, bias), self.num_heads)
            for x, weight, bias in zip((query, key), weights[:2], biases[:2], strict=True)
        )
        return (q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5).softmax(-1)
