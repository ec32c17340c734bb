"""Stochastic depth."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from .windows import Windows

Branch = Callable[[Tensor, Tensor | Windows | None], Tensor]


class DropPath(nn.Module):
    """Drops the residual branch of whole samples (Huang et al., Deep Networks with Stochastic Depth).

    Args:
        drop_prob: probability that the branch of a sample is dropped; kept branches are scaled by 1 / (1 - drop_prob).

    Raises:
        ValueError: if ``drop_prob`` is not a probability below 1.
    """

    def __init__(self, drop_prob: float) -> None:
        super().__init__()
        if not 0 <= drop_prob < 1:
            raise ValueError(f'drop_prob={drop_prob} must be a probability from 0 to below 1.')
        self.drop_prob = drop_prob

    def forward(self, x: Tensor) -> Tensor:
        return x * self._sample(x) if self.drop_prob and self.training else x

    def add(self, x: Tensor, branch: Branch, mask: Tensor | Windows | None = None) -> Tensor:
        """Adds a residual branch to its input, B×N×C.

        On CPUs a branch is computed for the samples only that keep it: an encoder's time falls by the share that is
        dropped. If all drop it, it is computed and multiplied by zero nevertheless, so that its parameters have a
        gradient, which DistributedDataParallel waits for.

        Args:
            x: its input.
            branch: function of the input and the mask.
            mask: what the tokens attend to (see :func:`attend`).
        """
        if not self.drop_prob or not self.training:
            return x + branch(x, mask)
        scales = self._sample(x)
        if x.device.type == 'cpu' and not torch.compiler.is_compiling():
            kept = scales.flatten().nonzero().flatten()
            if 0 < len(kept) < len(x):
                found = branch(x.index_select(0, kept), select(mask, kept, len(x)))
                return x.index_add(0, kept, found.to(x.dtype), alpha=1 / (1 - self.drop_prob))
        return x + branch(x, mask) * scales

    def _sample(self, x: Tensor) -> Tensor:
        """What the branch of each sample is multiplied by, B×1×…"""
        keep_prob = 1 - self.drop_prob
        return x.new_empty((x.shape[0],) + (1,) * (x.ndim - 1)).bernoulli_(keep_prob) / keep_prob

    def extra_repr(self) -> str:
        return f'drop_prob={self.drop_prob}'


def select(mask: Tensor | Windows | None, kept: Tensor, count: int) -> Tensor | Windows | None:
    """What the kept ones of ``count`` samples attend to; a mask of half as many counts for both images of a pair."""
    if mask is None or (isinstance(mask, Windows) and mask.own is None):
        return mask
    if isinstance(mask, Windows):
        own = list(mask.own) * (count // len(mask.own))
        return mask._replace(own=[own[index] for index in kept.tolist()])
    return mask.repeat(count // len(mask), 1)[kept]
