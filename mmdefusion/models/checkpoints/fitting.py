"""Whether weights are of use to a model, asked before hours go into them."""

import os
from typing import Any

from torch import nn

from .errors import CheckpointError
from .reading import read_checkpoint
from .unwrap import FLOATS, State, refuse_not_finite, unwrap

PARAMETERS = ('.weight', '.bias')  # of any module: floating-point numbers, while counters and indices may be whole ones
TRAINING_ONLY = ('teacher_head.',)  # published weights leave it out, no test reads it


def read_weights(source: str | os.PathLike) -> State:
    """The weights of any network in a checkpoint; what it says of itself is looked at, too.

    Raises:
        FileNotFoundError: if there is no such file.
        CheckpointError: if it is no checkpoint, its weights are no finite floating-point numbers, or what the toolboxes
            take from its ``meta`` is not of the kind that they expect.
    """
    content = read_checkpoint(source)
    _refuse_odd_meta(content.get('meta', {}), str(source))
    state = unwrap(content, str(source))
    whole = [key for key, value in state.items() if value.dtype not in FLOATS]
    if bad := [key for key in whole if key.endswith(PARAMETERS) or state[key].dtype.is_complex]:
        raise CheckpointError(
            f'{source}: {len(bad)} of its weights are no floating-point numbers, first {bad[0]!a} '
            f'({state[bad[0]].dtype}): give the weights as they were trained.'
        )
    refuse_not_finite({key: value for key, value in state.items() if key not in whole}, str(source))
    return state


def _refuse_odd_meta(meta: Any, name: str) -> None:
    """Raises a CheckpointError where a runner or an inferencer would stumble, or run what it is given."""
    if not isinstance(meta, dict):
        raise CheckpointError(f'{name}: its meta is a {type(meta).__name__}, not a dict.')
    if 'config' in meta:  # not cfg, which nobody runs: MMEngine's runner runs this one on resuming
        raise CheckpointError(f'{name}: its meta has a config as Python, which MMEngine would run on resuming.')
    described = meta.get('dataset_meta')
    if described is None:
        return
    classes = described.get('classes', ()) if isinstance(described, dict) else None
    if not isinstance(classes, list | tuple) or not all(isinstance(item, str) for item in classes):
        raise CheckpointError(f'{name}: its dataset_meta has no list of names as classes.')
    for colour in described.get('palette') or ():
        if not isinstance(colour, list | tuple) or len(colour) != 3 or not all(type(v) is int for v in colour):
            raise CheckpointError(f'{name}: its dataset_meta has a palette of something other than three numbers each.')


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
