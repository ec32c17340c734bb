"""Stochastic depth."""

from torch import Tensor, nn


class DropPath(nn.Module):
    """Drops the residual branch of whole samples (Huang et al., Deep Networks with Stochastic Depth).

    Args:
        drop_prob: probability that the branch of a sample is dropped; kept branches are scaled by 1 / (1 - drop_prob).
    """

    def __init__(self, drop_prob: float) -> None:
        super().__init__()
        self.drop_prob = drop_prob

    def forward(self, x: Tensor) -> Tensor:
        if self.drop_prob == 0 or not self.training:
            return x
        keep_prob = 1 - self.drop_prob
        keep = x.new_empty((x.shape[0],) + (1,) * (x.ndim - 1)).bernoulli_(keep_prob)
        return x * keep / keep_prob

    def extra_repr(self) -> str:
        return f'drop_prob={self.drop_prob}'
