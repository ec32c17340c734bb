"""Multi-head attention that never stores the N×N matrix."""

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, scaled_dot_product_attention

from .blocked_attention import attend_in_blocks, worth_blocks
from .linear import Linear, linear
from .windows import Windows

KERNEL_WIDTH = 16  # heads whose width is a multiple of this are fast in CPU kernels
FILLING = 4  # most channels that are added: 12 to 16 is faster by a seventh, 24 to 32 slower by a tenth
WORTH_FILLING = 512  # keys from which on filling pays without gradients; with them, it always does
MASKED_WIDTH = 8  # GPUs' kernels take a mask for heads of a multiple of this; others store the matrix


def split_heads(x: Tensor, num_heads: int) -> Tensor:
    """Splits the channels into heads: B×N×C to B×heads×N×(C/heads)."""
    return x.unflatten(-1, (num_heads, -1)).transpose(1, 2)


def merge_heads(x: Tensor) -> Tensor:
    """Joins the heads: B×heads×N×width to B×N×(heads·width)."""
    return x.transpose(1, 2).flatten(2)


def attend(q: Tensor, k: Tensor, v: Tensor, num_heads: int, mask: Tensor | Windows | None = None) -> Tensor:
    """Scaled dot-product attention over heads.

    Args:
        q, k, v: queries B×N×(heads·width), keys and values B×M×(heads·width).
        num_heads: number of heads.
        mask: true for the keys that are attended to, B×M, or numbers that are added to their scores, B×M, or the
            windows within which tokens attend to each other; None for all. One of fewer rows is repeated: a mask of
            images counts for both images of each pair, if these are concatenated along the batch.

    Returns:
        B×N×(heads·width).
    """
    if isinstance(mask, Windows):
        return mask.apply(partial(attend, num_heads=num_heads), q, k, v)
    if mask is not None:
        mask = mask.repeat(q.shape[0] // mask.shape[0], 1)[:, None, None]  # len() would fix an exported batch
    q, k, v = (split_heads(x, num_heads) for x in (q, k, v))
    if q.device.type != 'cpu':
        return merge_heads(attend_on_gpu(q, k, v, mask))
    if q.dtype != torch.bfloat16:
        return merge_heads(attend_on_cpu(q, k, v, mask))
    with torch.autocast('cpu', enabled=False):
        if not (torch.compiler.is_compiling() or torch.jit.is_tracing()) and worth_blocks(q, k):
            return merge_heads(attend_in_blocks(q, k, v, mask))
        # the backward pass of torch's kernel is nine times slower in bfloat16 than in float32
        return merge_heads(attend_on_cpu(q.float(), k.float(), v.float(), mask)).to(q.dtype)


def attend_on_cpu(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    """Scaled dot-product attention of B×heads×N×width; heads are filled up with zeros where that is faster."""
    width, recorded = q.shape[-1], torch.compiler.is_exporting() or torch.jit.is_tracing()
    gap = 0 if recorded else -width % KERNEL_WIDTH
    if not 0 < gap <= FILLING or (k.shape[2] < WORTH_FILLING and not q.requires_grad):
        return attend_by_torch(q, k, v, mask)
    return attend_filled(q, k, v, mask, gap)


def attend_on_gpu(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    """The same; with a mask, heads are filled up where torch would else take the kernel that stores the matrix."""
    gap = 0 if mask is None else -q.shape[-1] % MASKED_WIDTH
    return attend_filled(q, k, v, mask, gap) if gap else attend_by_torch(q, k, v, mask)


def attend_filled(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, gap: int) -> Tensor:
    """The same, of heads that are filled up with ``gap`` channels of zeros."""
    width = q.shape[-1]
    q, k, v = (pad(x, (0, gap)) for x in (q, k, v))
    return attend_by_torch(q, k, v, mask, width**-0.5)[..., :width]


def attend_by_torch(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, scale: float | None = None) -> Tensor:
    """torch's own kernel on B×heads×N×width; it wants what is added to scores in the precision of the queries."""
    if mask is not None and mask.is_floating_point():
        mask = mask.to(q.dtype)
    return scaled_dot_product_attention(q, k, v, mask, scale=scale)


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
        self.qkv = Linear(embed_dims, 3 * embed_dims)
        self.proj = Linear(embed_dims, embed_dims)

    def forward(self, x: Tensor, mask: Tensor | Windows | None = None) -> Tensor:
        return self.proj(attend(*self.qkv(x).chunk(3, dim=-1), self.num_heads, mask))


class CrossAttention(nn.Module):
    """Multi-head attention with separate query, key and value.

    If the queries have k times as many rows, key and value are projected once for all of them.

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
        self.in_proj = Linear(embed_dims, 3 * embed_dims)
        self.out_proj = Linear(embed_dims, embed_dims)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        mask: Tensor | Windows | None = None,
        after: Sequence[nn.Linear] = (),
    ) -> Tensor:
        """Lets queries attend to keys.

        Args:
            query: kB×N×C; k is 1, or for instance 2 where both images of a pair, one batch after the other, attend to
                the same keys.
            key, value: B×M×C; row i is for the queries of the rows i, B + i and so on.
            mask: see :func:`attend`.
            after: linear maps that query, key and value have yet to pass before their projections.

        Returns:
            kB×N×C.
        """
        weights, biases = self.in_proj.weight.chunk(3), self.in_proj.bias.chunk(3)
        if after:
            biases = [w @ inner.bias + bias for w, inner, bias in zip(weights, after, biases, strict=True)]
            weights = [w @ inner.weight for w, inner in zip(weights, after, strict=True)]
        q, k, v = map(linear, (query, key, value), weights, biases)
        rows = q.shape[0]  # len() would fix the size of the batch in exported networks
        k, v = (x if x.shape[0] == rows else x.repeat(rows // x.shape[0], 1, 1) for x in (k, v))
        return self.out_proj(attend(q, k, v, self.num_heads, mask))

    def weights(self, query: Tensor, key: Tensor) -> Tensor:
        """The attention weights of queries B×N×C and keys B×M×C, B×heads×N×M, which :meth:`forward` never stores."""
        weights, biases = self.in_proj.weight.chunk(3), self.in_proj.bias.chunk(3)
        q, k = (
            split_heads(linear(x, weight, bias), self.num_heads)
            for x, weight, bias in zip((query, key), weights[:2], biases[:2], strict=True)
        )
        return (q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5).softmax(-1)
