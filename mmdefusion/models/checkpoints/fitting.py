"""Whether weights are of use to a model, asked before hours go into them."""

import os

from torch import nn

from .errors import CheckpointError
from .reading import read_checkpoint
from .unwrap import FLOATS, State, refuse_not_finite, unwrap

PARAMETERS = ('.weight', '.bias')  # of any module: floating-point numbers, while counters and indices may be whole ones
TRAINING_ONLY = ('teacher_head.',)  # published weights leave it out, no test reads it


def read_weights(source: str | os.PathLike) -> State:
    """The weights of any network in a checkpoint.

    Raises:
        FileNotFoundError: if there is no such file.
        CheckpointError: if it is no checkpoint, or its weights are no finite floating-point numbers.
    """
    state = unwrap(read_checkpoint(source), str(source))
    whole = [key for key, value in state.items() if value.dtype not in FLOATS]
    if bad := [key for key in whole if key.endswith(PARAMETERS) or state[key].dtype.is_complex]:
        raise CheckpointError(
            f'{source}: {len(bad)} of its weights are no floating-point numbers, first {bad[0]!a} '
            f'({state[bad[0]].dtype}): give the weights as they were trained.'
        )
    refuse_not_finite({key: value for key, value in state.items() if key not in whole}, str(source))
    return state


def refuse_misfit(model: nn.Module, state: State, name: str) -> None:
    """Raises a CheckpointError where a model would be tested with weights of another: MMEngine only warns of it.

    Args:
        model: as MMEngine built it.
        state: of the checkpoint; more than the model has does no harm.
        name: what errors call the checkpoint.
    """
    own = getattr(model, 'module', model).state_dict()  # what processes or augmentation wrap
    own = {key: value for key, value in own.items() if not key.startswith(TRAINING_ONLY)}
    if absent := [key for key in own if key not in state]:
        raise CheckpointError(
            f'{name} lacks {len(absent)} of the {len(own)} weights of the model, first {absent[0]}: give the '
            'checkpoint that this config trained, or the config of this checkpoint.'
        )
    for key, value in own.items():
        found = state[key]
        if found.shape != value.shape or found.is_floating_point() != value.is_floating_point():
            raise CheckpointError(
                f"{name}: {key} is {tuple(found.shape)} {found.dtype}, the model's is {tuple(value.shape)} "
                f'{value.dtype}: give the checkpoint that this config trained, or the config of this checkpoint.'
            )
