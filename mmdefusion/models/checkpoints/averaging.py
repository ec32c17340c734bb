"""Weights between those that a training began with and those that it ended with."""

from collections.abc import Mapping

import torch

from .errors import CheckpointError
from .unwrap import State

SHARE = 'share_of_trained'  # key of the share in the meta of a checkpoint


def find_start(trained: State, prefix: str, other: State, other_prefix: str, name: str) -> State:
    """What a training began with, under the names of the trained weights.

    Args:
        trained: the weights at its end.
        prefix: beginning of the names of those that began with others.
        other: the weights that they began with.
        other_prefix: what their names begin with there instead.
        name: name of the file of ``other`` in error messages.

    Raises:
        CheckpointError: if no trained weight's name begins so, or ``other`` lacks one of them or has it in another
            shape.
    """
    start = {}
    for key in _under(prefix, trained):
        there = other_prefix + key.removeprefix(prefix)
        if there not in other:
            raise CheckpointError(f'{name} has no {there}, which {key} would have begun with: name another prefix.')
        if other[there].shape != trained[key].shape:
            shapes = f'{tuple(other[there].shape)}, {key} {tuple(trained[key].shape)}'
            raise CheckpointError(f'{name}: {there} has shape {shapes}: that training began with other weights.')
        start[key] = other[there]
    return start


def start_at_zero(trained: State, prefix: str) -> State:
    """Zeros for the weights whose names begin so.

    Raises:
        CheckpointError: if there are none.
    """
    return {key: torch.zeros_like(trained[key]) for key in _under(prefix, trained)}


def average(start: Mapping[str, torch.Tensor], trained: State, share: float) -> State:
    """start + share·(trained − start) where there is a start, in the type of the trained weights.

    Weights without a start, and counters, stay as they were trained (Wortsman et al., arXiv 2109.01903, equation 1).
    """
    return {
        key: torch.lerp(start[key].float(), value.float(), share).to(value.dtype)
        if key in start and value.is_floating_point()
        else value
        for key, value in trained.items()
    }


def _under(prefix: str, state: State) -> list[str]:
    if not (found := [key for key in state if key.startswith(prefix)]):
        raise CheckpointError(f'no weight begins with {prefix!a}; the first are {", ".join(list(state)[:3])!a}.')
    return found
