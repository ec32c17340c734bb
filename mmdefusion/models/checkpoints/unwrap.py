"""Finds the weights in a checkpoint and checks their values."""

from typing import Any

import torch
from torch import Tensor

from .errors import CheckpointError

State = dict[str, Tensor]
PARAMETERS = ('.weight', '.bias')  # floating-point in any module; counters and indices may be whole
STATISTICS = ('.running_mean', '.running_var')
FLOATS = (torch.float32, torch.float16, torch.bfloat16, torch.float64)


def unwrap(checkpoint: dict[str, Any], name: str = 'The checkpoint') -> State:
    """Finds the weights in a checkpoint, also inside ``state_dict``, ``model`` or ``teacher``; strips ``module.``.

    Args:
        checkpoint: content of the checkpoint, from :func:`read_checkpoint`.
        name: name of the checkpoint in error messages.

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
    """Raises a CheckpointError if weights are not floating-point numbers, or not finite."""
    refuse_whole({key: value for key, value in state.items() if value.dtype not in FLOATS}, name)
    refuse_not_finite(state, name)


def refuse_whole(whole: State, name: str) -> None:
    """Raises a CheckpointError that names weights that are no floating-point numbers, if there are any."""
    if whole:
        first = next(iter(whole))
        raise CheckpointError(
            f'{name}: {len(whole)} of its weights are no floating-point numbers, first {first!a} '
            f'({whole[first].dtype}): give the weights as they were trained.'
        )


def refuse_not_finite(state: State, name: str, remedy: str = 'give an earlier checkpoint') -> None:
    """Raises a CheckpointError if weights are not :func:`usable`; the message names them."""
    if bad := [key for key, value in state.items() if not usable(key, value)]:
        raise CheckpointError(
            f'{name}: {len(bad)} of its tensors have NaN or infinite values ({state[bad[0]].dtype}), first {bad[0]!a}: '
            f'{remedy}.'
        )


def usable(name: str, value: Tensor) -> bool:
    """Whether a tensor of a checkpoint is finite, or the mask of an attention: zeros and infinities, and nothing else.

    Training saves what this rule lets pass, and everything that reads weights goes by it as well.
    """
    finite = value.isfinite()
    if finite.all():
        return True
    if f'.{name}'.endswith(PARAMETERS + STATISTICS) or value.isnan().any():
        return False
    return bool(finite.any()) and not value[finite].any()
