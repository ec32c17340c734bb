"""Dropout that is quick on CPUs, where sampling the mask takes most of its time."""

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

STEPS = 2**16  # of a probability: 16 random bits decide on each value


class Dropout(nn.Dropout):
    """Sets values to 0 with probability ``p`` in training and scales the others, so that the mean stays.

    On CPUs the mask is cut from the bits of 64-bit random numbers, four values each, which takes a third of the time of
    torch's, and kept as one byte for each value; the probability is rounded to 1/65536, and the scale is that of the
    rounded one. Elsewhere, where the network is compiled, and in place, it is torch's.

    Args:
        p: probability that a value becomes 0.
    """

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return x
        dropped = round(self.p * STEPS)
        if x.device.type != 'cpu' or torch.compiler.is_compiling() or self.inplace or dropped == STEPS:
            return super().forward(x)
        return _Drop.apply(x, dropped)


class _Drop(torch.autograd.Function):
    @staticmethod
    def forward(context, x: Tensor, dropped: int) -> Tensor:
        context.kept, context.scale = sample_kept_values(x.shape, dropped), STEPS / (STEPS - dropped)
        return x * context.kept.to(x.dtype).mul_(context.scale)

    @staticmethod
    @once_differentiable
    def backward(context, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient * context.kept.to(gradient.dtype).mul_(context.scale), None


def sample_kept_values(shape: torch.Size, dropped: int) -> Tensor:
    """A mask of a shape, int8, whose values are 0 in ``dropped`` of 65536 cases and 1 in the others."""
    count = shape.numel()
    bits = torch.empty(-(-count // 4), dtype=torch.int64).random_(-(2**63), None)
    kept = bits.view(torch.int16)[:count] >= dropped - STEPS // 2
    return kept.view(torch.int8).view(shape)  # integers become floats in a fifth of the time of booleans
