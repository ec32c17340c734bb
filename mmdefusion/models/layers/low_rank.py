"""A linear map that keeps its weights and learns an update of low rank (LoRA, Hu et al., arXiv 2106.09685)."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional

from .attention import SelfAttention
from .linear import linear

DOWN, UP = 'low_rank_down', 'low_rank_up'  # names of the two factors in checkpoints, beside weight and bias


class LowRankLinear(nn.Linear):
    """W x + b with W and b fixed, plus (U D) x with trained factors; it starts as the map that it replaces.

    W and b keep their names, so files of the plain map load as they are, and leave nothing of an earlier update. No
    scale is applied: with Adam, the learning rate decides how far the update goes.

    Args:
        plain: the linear map whose weights it takes over.
        rank: rank of the update.

    Raises:
        ValueError: if the rank is less than 1, or more than the linear map has.
    """

    def __init__(self, plain: nn.Linear, rank: int) -> None:
        if not 1 <= rank <= min(plain.weight.shape):
            raise ValueError(f'rank={rank} of a low-rank update must be 1 to {min(plain.weight.shape)}.')
        nn.Module.__init__(self)
        self.in_features, self.out_features = plain.in_features, plain.out_features
        self.weight, self.bias = plain.weight, plain.bias
        self.low_rank_down = nn.Parameter(torch.empty(rank, plain.in_features))
        self.low_rank_up = nn.Parameter(torch.zeros(plain.out_features, rank))
        nn.init.kaiming_uniform_(self.low_rank_down, a=5**0.5)  # as torch initialises a linear map
        for fixed in plain.parameters():
            fixed.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        update = functional.linear(functional.linear(x, self.low_rank_down), self.low_rank_up)
        return linear(x, self.weight, self.bias) + update

    def _load_from_state_dict(self, state_dict: dict, prefix: str, *rest) -> None:
        if f'{prefix}weight' in state_dict and not {f'{prefix}{DOWN}', f'{prefix}{UP}'} & state_dict.keys():
            state_dict[f'{prefix}{DOWN}'] = self.low_rank_down.detach()
            state_dict[f'{prefix}{UP}'] = torch.zeros_like(self.low_rank_up)
        super()._load_from_state_dict(state_dict, prefix, *rest)


def train_updates_only(network: nn.Module, attentions: Iterable[SelfAttention], rank: int, besides: str) -> None:
    """Fixes the parameters of a network, and gives the joint map of query, key and value a low-rank update.

    Args:
        network: the network.
        attentions: those of its parts that get an update.
        rank: rank of each update.
        besides: beginning of the names of parameters that are trained as before.
    """
    for name, parameter in network.named_parameters():
        if not name.startswith(besides):
            parameter.requires_grad_(False)
    for attention in attentions:
        attention.qkv = LowRankLinear(attention.qkv, rank)


def updates_of(network: nn.Module) -> dict[str, torch.Size]:
    """Names and shapes of the factors of all low-rank updates in a network."""
    return {name: value.shape for name, value in network.named_parameters() if name.endswith((f'.{DOWN}', f'.{UP}'))}
