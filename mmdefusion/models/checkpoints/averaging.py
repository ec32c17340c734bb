"""Weights between those that a training began with and those that it ended with."""

from collections.abc import Mapping

import torch

from .errors import CheckpointError
from .unwrap import State

SHARE = 'share_of_trained'  # key of the share in the meta of a checkpoint


def weights_under(prefix: str, state: State, name: str) -> State:
    """The weights whose names begin so; ``name`` is that of their file.

    Raises:
        CheckpointError: if there are none.
    """
    if not (found := {key: value for key, value in state.items() if key.startswith(prefix)}):
        first = ', '.join(list(state)[:3])
        raise CheckpointError(f'{name}: no weight begins with {prefix!a}; the first are {first!a}.')
    return found


def find_start(trained: State, prefix: str, other: State, other_prefix: str, name: str) -> State:
    """What a training began with, under the names of the trained weights.

    Args:
        trained: the weights at its end that began with others; their names begin with ``prefix``.
        prefix: what is replaced in their names.
        other: the weights that they began with.
        other_prefix: what their names begin with there instead.
        name: name of the file of ``other`` in error messages.

    Raises:
        CheckpointError: if ``other`` lacks one of them or has it in another shape.
    """
    start = {}
    for key in trained:
        there = other_prefix + key.removeprefix(prefix)
        if there not in other:
            raise CheckpointError(f'{name} has no {there}, which {key} would have begun with: name another prefix.')
        if other[there].shape != trained[key].shape:
            shapes = f'{tuple(other[there].shape)}, {key} {tuple(trained[key].shape)}'
            raise CheckpointError(f'{name}: {there} has shape {shapes}: that training began with other weights.')
        start[key] = other[there]
    return start


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
