"""What checkpoint files have in common."""

from typing import Any

import torch
from torch import Tensor

from .errors import CheckpointError

State = dict[str, Tensor]
FLOATS = (torch.float32, torch.float16, torch.bfloat16, torch.float64)


def unwrap(checkpoint: dict[str, Any], name: str = 'The checkpoint') -> State:
    """The weights of a checkpoint, perhaps wrapped in ``state_dict``, ``model`` or ``teacher``, without ``module.``.

    Args:
        checkpoint: what :func:`read_checkpoint` gave.
        name: what errors call it.

    Raises:
        CheckpointError: if it holds no tensors.
    """
    for key in ('state_dict', 'model', 'teacher'):
        if isinstance(checkpoint.get(key), dict):
            checkpoint = checkpoint[key]
    tensors = {key: value for key, value in checkpoint.items() if isinstance(value, Tensor) and isinstance(key, str)}
    if not tensors:
        raise CheckpointError(f'{name} holds no tensors; its keys are {str(list(checkpoint)[:5])[:200]}.')
    return {key.removeprefix('module.'): value for key, value in tensors.items()}


def refuse_useless(state: State, name: str) -> None:
    """Raises a CheckpointError where weights are no floating-point numbers, or not finite."""
    if other := [key for key, value in state.items() if value.dtype not in FLOATS]:
        raise CheckpointError(
            f'{name}: {len(other)} of its weights are no floating-point numbers, first {other[0]!a} '
            f'({state[other[0]].dtype}): give the weights as they were trained.'
        )
    refuse_not_finite(state, name)


def refuse_not_finite(state: State, name: str, mend: str = 'give an earlier checkpoint') -> None:
    """Raises a CheckpointError that names weights with NaN or infinite values."""
    if bad := [key for key, value in state.items() if not value.isfinite().all()]:
        raise CheckpointError(
            f'{name}: {len(bad)} of its tensors have NaN or infinite values ({state[bad[0]].dtype}), first {bad[0]!a}: '
            f'{mend}.'
        )
