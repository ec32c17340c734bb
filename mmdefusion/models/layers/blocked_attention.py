"""Attention in bfloat16 on CPUs that multiply it: the N×N matrix comes and goes in blocks that fit the cache.

On CPUs torch's own kernel is slower in bfloat16 than in float32, and its gradient much slower. Whole blocks let oneDNN
multiply, which is what instructions for bfloat16 are fast at. The idea is that of FlashAttention (Dao et al., arXiv
2205.14135), with whole rows of the matrix in a block, so that no running maximum is needed.
"""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

BLOCK = 1 << 20  # most numbers of the matrix in a block for each thread: 2 MiB, about what a core's caches hold
FEWEST = 1 << 18  # numbers of a block: smaller ones take longer to start than to compute
# A block has at most twice as many numbers as the queries (or the keys, if these are more): half of what an MLP holds.
# Memory that is large beside all else goes back to the system and comes anew for each block: a second at 512².
SHARE = 2


def multiplies_bfloat16() -> bool:
    """Whether this CPU has instructions that multiply bfloat16; others turn every number into float32 first."""
    asked = ('_is_avx512_bf16_supported', '_is_amx_tile_supported')  # private to torch: where absent, no
    return torch.backends.mkldnn.is_available() and any(getattr(torch.cpu, name, bool)() for name in asked)


NATIVE = multiplies_bfloat16()


def worth_blocks(q: Tensor, k: Tensor) -> bool:
    """Whether blocks are faster than single precision; arguments as of :func:`attend_in_blocks`."""
    return NATIVE and q.shape[:3].numel() * k.shape[2] >= FEWEST


def attend_in_blocks(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """softmax(q·kᵀ/√width)·v with its gradient, in bfloat16, to which scores and weights are rounded too.

    Args:
        q, k, v: queries B×heads×N×width, keys and values B×heads×M×width.
        mask: B×1×1×M, true for the keys that are attended to, or numbers that are added to their scores; None for all.

    Returns:
        B×heads×N×width.
    """
    images, heads = q.shape[:2]
    added = None if mask is None else as_scores(mask).to(q.dtype).expand(images, heads, 1, -1).flatten(0, 1)
    scaled = q * q.shape[-1] ** -0.5
    return _BlockedAttention.apply(*(x.flatten(0, 1) for x in (scaled, k, v)), added).unflatten(0, (images, heads))


def as_scores(mask: Tensor) -> Tensor:
    """What is added to scores: 0 where a mask is true and -infinity elsewhere; numbers stay as they are."""
    if mask.dtype != torch.bool:
        return mask
    return torch.zeros(mask.shape, device=mask.device).masked_fill(~mask, -torch.inf)


class _BlockedAttention(torch.autograd.Function):
    """softmax(q·kᵀ)·v of matrices, the first dimension of which is that of images and heads.

    The gradient computes the blocks again instead of keeping them.
    """

    @staticmethod
    def forward(ctx, q: Tensor, k: Tensor, v: Tensor, added: Tensor | None) -> Tensor:
        ctx.save_for_backward(q, k, v, added)
        result = torch.empty_like(q)
        for some, rows in blocks(q, k):
            result[some, rows] = weights(q, k, added, some, rows) @ v[some]
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        q, k, v, added = ctx.saved_tensors
        # sums over blocks of rows would lose what is small
        of_k, of_v = (torch.zeros_like(x, dtype=torch.float32) for x in (k, v))
        of_q = torch.empty_like(q)
        for some, rows in blocks(q, k):
            above, shares = gradient[some, rows], weights(q, k, added, some, rows)
            of_shares = above @ v[some].mT
            of_v[some] += shares.mT @ above
            of_scores = torch._softmax_backward_data(of_shares, shares, -1, shares.dtype)
            of_q[some, rows] = of_scores @ k[some]
            of_k[some] += of_scores.mT @ q[some, rows]
        return of_q, of_k.to(k.dtype), of_v.to(v.dtype), None


def blocks(q: Tensor, k: Tensor) -> Iterator[tuple[slice, slice]]:
    """Which matrices and which of their rows make a block: several whole ones, or rows of one for each thread."""
    (count, height), width = q.shape[:2], k.shape[1]
    most = min(torch.get_num_threads() * BLOCK, max(FEWEST, SHARE * max(q.numel(), k.numel())))
    rows = min(height, max(1, min(BLOCK, most) // width))
    some = max(1, most // (rows * width))
    for first in range(0, count, some):
        for row in range(0, height, rows):
            yield slice(first, first + some), slice(row, row + rows)


def weights(q: Tensor, k: Tensor, added: Tensor | None, some: slice, rows: slice) -> Tensor:
    """The attention weights of a block."""
    scores = q[some, rows] @ k[some].mT
    if added is not None:
        scores += added[some]
    return scores.to_mkldnn().softmax(-1).to_dense()  # oneDNN's takes half the time of torch's own
