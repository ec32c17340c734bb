"""Checks whether weights fit a model, before a long run with them."""

import os
from typing import Any

from mmengine.model import BaseTTAModel, is_model_wrapper
from torch import nn

from ..layers.low_rank import DOWN, UP
from .errors import CheckpointError
from .reading import read_checkpoint
from .unwrap import FLOATS, PARAMETERS, State, refuse_not_finite, refuse_whole, unwrap

PALETTES = ('random', 'none', 'coco', 'voc', 'citys', 'cityscapes')  # names that the toolboxes know
COMPILED = '_orig_mod.'
TRAINING_ONLY = ('teacher_head.',)  # published weights leave it out, and no test uses it


def read_weights(source: str | os.PathLike) -> State:
    """Reads the weights of any network from a checkpoint, and checks them and the ``meta`` of the checkpoint.

    Raises:
        FileNotFoundError: if there is no such file.
        CheckpointError: if it is no checkpoint, its weights are no floating-point numbers or not usable, or entries of
            its ``meta`` that the toolboxes read are of another type.
    """
    return weights_of(read_checkpoint(source), str(source))


def weights_of(content: dict[str, Any], source: str) -> State:
    """The weights of a checkpoint that was read, checked with its ``meta``.

    Args:
        content: content of the checkpoint, from :func:`read_checkpoint`.
        source: name of the checkpoint in error messages.

    Raises:
        CheckpointError: see :func:`read_weights`.
    """
    _refuse_odd_meta(content.get('meta', {}), source)
    state = unwrap(content, source)
    if all(key.startswith(COMPILED) for key in state):
        raise CheckpointError(
            f'{source}: torch.compile put {COMPILED} before the names of its weights, so none would be loaded: save '
            f'model.{COMPILED}state_dict() instead.'
        )
    whole = {key: value for key, value in state.items() if value.dtype not in FLOATS}
    refuse_whole(
        {key: value for key, value in whole.items() if key.endswith(PARAMETERS) or value.dtype.is_complex}, source
    )
    refuse_not_finite({key: value for key, value in state.items() if key not in whole}, source)
    return state


def _refuse_odd_meta(meta: Any, name: str) -> None:
    """Raises a CheckpointError if ``meta`` would make a runner or an inferencer fail, or run code."""
    if not isinstance(meta, dict):
        raise CheckpointError(f'{name}: its meta is a {type(meta).__name__}, not a dict.')
    if 'config' in meta:  # MMEngine's runner runs ``config`` on resuming; nothing runs ``cfg``
        raise CheckpointError(f'{name}: its meta has a config as Python, which MMEngine would run on resuming.')
    described = meta.get('dataset_meta')
    if described is None:  # older checkpoints of mmdet have the names in meta itself
        described = {key: meta[key] for key in ('CLASSES', 'PALETTE') if key in meta}
    if not isinstance(described, dict) or not all(isinstance(key, str) for key in described):
        raise CheckpointError(f'{name}: its dataset_meta is no dict of names.')
    described = {key.lower(): value for key, value in described.items()}  # mmdet and mmseg once wrote CLASSES
    classes, palette = described.get('classes', ()), described.get('palette')
    if not _is_list_of(str, classes):
        raise CheckpointError(f'{name}: its dataset_meta has no list of names as classes.')
    if palette is None or (isinstance(palette, str) and palette in PALETTES):
        return
    if not isinstance(palette, list | tuple) or not all(_is_colour(one) for one in palette):
        raise CheckpointError(f'{name}: its dataset_meta has a palette of something other than three numbers each.')


def _is_list_of(kind: type, values: Any) -> bool:
    return isinstance(values, list | tuple) and all(type(value) is kind for value in values)


def _is_colour(value: Any) -> bool:
    return _is_list_of(int, value) and len(value) == 3 and all(0 <= number <= 255 for number in value)


def _unwrapped(model: nn.Module) -> nn.Module:
    """The model itself, out of distributed training and of augmentation in tests, which may be in each other."""
    while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
        model = model.module
    return model


def refuse_misfit(model: nn.Module, state: State, name: str) -> None:
    """Raises a CheckpointError if a model would be tested with weights of another one, of which MMEngine only warns.

    Args:
        model: the model that MMEngine built.
        state: weights of the checkpoint; additional ones do no harm, and published ones hold low-rank updates within
            the weights.
        name: name of the checkpoint in error messages.
    """
    own = _unwrapped(model).state_dict()
    own = {key: value for key, value in own.items() if not key.startswith(TRAINING_ONLY)}
    merged = {key for key in own if _is_merged(key, state)}
    own = {key: value for key, value in own.items() if key not in merged}
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


def _is_merged(key: str, state: State) -> bool:
    """Whether a name is that of a factor of a low-rank update of which a checkpoint holds the map alone."""
    whole, _, part = key.rpartition('.')
    return part in (DOWN, UP) and f'{whole}.weight' in state and not {f'{whole}.{DOWN}', f'{whole}.{UP}'} & state.keys()
