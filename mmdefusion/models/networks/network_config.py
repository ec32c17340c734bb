"""Builds a network from the config in a checkpoint: plain data in, a fixed set of our classes out.

For each slot, a file may name one class, with known, typed and bounded arguments that agree with the sizes of its own
tensors. All of this is checked before anything is built, and the network is built here, not by a registry.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from mmengine.model import BaseDataPreprocessor, Sequential
from torch import nn

from ..backbones.architectures import ARCHITECTURES, Architecture
from ..backbones.defusion_encoder import POSITIONS, DeFusionEncoder
from ..checkpoints.errors import CheckpointError
from ..checkpoints.unwrap import State
from ..fusers.image_fuser import ImageFuser
from ..heads import ImageHead
from ..layers import NUM_HEADS
from ..necks.decomposition import ORDERS, CommonOrder, DecompositionNeck

MAX_DEPTH = 128
MAX_WIDTH = 2**13
MAX_REGISTERS = 64
HEADS = ('common_head', 'unique_head', 'fused_head')
SLOTS = ('backbone', 'neck', *HEADS)
PREFIXES = ('backbone.', 'neck.0.', *(f'{slot}.' for slot in HEADS))
# networks with these slots; their other keys concern training, and nothing is built from them
NETWORKS = ('CUDPretrainer', 'MCUDPretrainer', 'ImageFuser', 'PictureFuser')


@dataclass(frozen=True)
class Rule:
    """A condition on a value: in words, and as a test."""

    words: str
    holds: Callable[[Any], bool]


def whole(low: int, high: int) -> Rule:
    """A rule for whole numbers from ``low`` to ``high``."""
    return Rule(f'a whole number from {low} to {high}', lambda value: type(value) is int and low <= value <= high)


def whole_or_none(high: int) -> Rule:
    """A rule for whole numbers from 1 to ``high``, or None."""
    number = whole(1, high)
    return Rule(f'{number.words} or None', lambda value: value is None or number.holds(value))


WIDTH = whole(4, MAX_WIDTH)
SHARE = Rule('a share from 0 to below 1', lambda value: type(value) in (int, float) and 0 <= value < 1)
FLAG = Rule('True or False', lambda value: type(value) is bool)
ORDER = Rule(f'one of {ORDERS}', lambda value: type(value) is str and value in ORDERS)
ARCH = Rule(
    f'one of {tuple(ARCHITECTURES)} or a dict', lambda value: type(value) is dict or value in tuple(ARCHITECTURES)
)
FIELDS = dict(
    embed_dims=WIDTH,
    depth=whole(1, MAX_DEPTH),
    num_heads=whole(1, MAX_WIDTH),
    last_num_heads=whole(1, MAX_WIDTH),
    num_registers=whole(0, MAX_REGISTERS),
)
# slot -> its class, and all arguments that a file may give
CLASSES: dict[str, tuple[str, dict[str, Rule]]] = {
    'backbone': (
        'DeFusionEncoder',
        dict(
            arch=ARCH,
            drop_path_rate=SHARE,
            frozen_stages=whole(-1, MAX_DEPTH),
            with_cp=FLAG,
            lora_rank=whole_or_none(MAX_WIDTH),
            window=whole_or_none(MAX_WIDTH),
            global_blocks=whole(0, MAX_DEPTH),
            pooling=whole_or_none(MAX_WIDTH),
        ),
    ),
    'neck': ('DecompositionNeck', dict(embed_dims=WIDTH, common=ORDER)),
    **{slot: ('ImageHead', dict(embed_dims=WIDTH)) for slot in HEADS},
}


def read_network_config(model: Any, state: State, name: str) -> Architecture:
    """Reads the architecture of a fusing network from its config.

    Only the sizes of the encoder matter for fused images. The other arguments concern training; they are checked and
    left out.

    Args:
        model: config of the model from a checkpoint or file, as plain data.
        state: weights of the checkpoint, with which all sizes must agree.
        name: name of the checkpoint in error messages.

    Raises:
        CheckpointError: if a value is not allowed or disagrees with the weights; the message names it.
    """
    if not isinstance(model, Mapping):
        raise CheckpointError(f'{name}: its config is a {type(model).__name__}, not a dict.')
    if missing := [slot for slot in SLOTS if not isinstance(model.get(slot), Mapping | list | tuple)]:
        raise CheckpointError(
            f'The config of {name} has no {", ".join(missing)}: it does not decode images. Give a checkpoint of '
            'pretraining (configs/pretrain), or its config.'
        )
    if 'type' in model and _bare(model['type']) not in NETWORKS:
        raise CheckpointError(f'{name}: its config names type={_short(model["type"])}, which is none of {NETWORKS}.')
    parts = {slot: _part(slot, model[slot], name) for slot in SLOTS}
    arch = _architecture(parts['backbone'].get('arch', 'tiny'), name)
    for slot in SLOTS[1:]:
        if parts[slot].get('embed_dims') != arch.embed_dims:
            raise CheckpointError(
                f'{name}: its config gives {slot}.embed_dims={parts[slot].get("embed_dims")}, the encoder is of width '
                f'{arch.embed_dims}.'
            )
    refuse_other_sizes(arch, state, name)
    return arch


def _part(slot: str, config: Any, name: str) -> dict[str, Any]:
    """Checks and returns the arguments of one slot."""
    if slot == 'neck' and isinstance(config, list | tuple):
        if len(config) != 1:
            raise CheckpointError(f'{name}: its config has a neck of {len(config)} parts; one is expected.')
        config = config[0]
    kind, rules = CLASSES[slot]
    if not isinstance(config, Mapping) or _bare(config.get('type')) != kind:
        given = config.get('type') if isinstance(config, Mapping) else config
        raise CheckpointError(
            f'{name}: its config names {slot}.type={_short(given)}, and only mmdefusion.{kind} is built there. If the '
            'file is not yours, it may be meant to run something.'
        )
    arguments = {key: value for key, value in config.items() if key != 'type'}
    _check(slot, arguments, rules, name)
    return arguments


def _check(slot: str, arguments: Mapping[str, Any], rules: Mapping[str, Rule], name: str) -> None:
    for key, value in arguments.items():
        if key not in rules:
            raise CheckpointError(
                f'{name}: its config gives {slot}.{_short(key)}={_short(value)}, which is none of {", ".join(rules)}. '
                'Give the config that it was trained with, or publish it with tools/model_converters/publish_model.py.'
            )
        if not rules[key].holds(value):
            raise CheckpointError(f'{name}: its config gives {slot}.{key}={_short(value)}, not {rules[key].words}.')


def _architecture(arch: str | dict, name: str) -> Architecture:
    if isinstance(arch, str):
        return ARCHITECTURES[arch]
    _check('backbone.arch', arch, FIELDS, name)
    if 'embed_dims' not in arch:
        raise CheckpointError(f'{name}: its config gives backbone.arch={_short(arch)}, without embed_dims.')
    return Architecture(**arch)


def _bare(name: Any) -> Any:
    """The name of a class without our scope."""
    return name.removeprefix('mmdefusion.') if isinstance(name, str) else name


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f'{text[:80]}...'


def refuse_other_sizes(arch: Architecture, state: State, name: str) -> None:
    """Raises a CheckpointError if weights are not exactly those of an architecture; allocates no weights."""
    token = state.get('backbone.cls_token')
    if token is None or not token.ndim:
        raise CheckpointError(f'{name} lacks the weights of an encoder (backbone.cls_token): is it whole?')
    width = token.shape[-1]
    blocks = len({key.split('.')[2] for key in state if key.startswith('backbone.blocks.')})
    if (arch.embed_dims, arch.depth) != (width, blocks):
        raise CheckpointError(
            f'{name}: its config says embed_dims={arch.embed_dims} and depth={arch.depth}, its weights are of width '
            f'{width} with {blocks} blocks.'
        )
    refuse_uneven(arch, name)
    shapes = shapes_of(arch)
    weights = {key: tuple(value.shape) for key, value in state.items() if key.startswith(PREFIXES)}
    if learned := weights.get(f'backbone.{POSITIONS}'):  # learned positions of a former public ViT, any square grid
        side = math.isqrt(max(learned[0] - 1, 0)) if len(learned) == 2 else 0
        shapes[f'backbone.{POSITIONS}'] = (1 + side * side, width)
    if absent := [key for key in shapes if key not in weights]:
        raise CheckpointError(f'{name} lacks {len(absent)} of the weights, first {absent[0]}: is it whole?')
    if more := sorted(weights.keys() - shapes.keys()):
        raise CheckpointError(f'{name} is of another arch than the config: it also has {_short(more[0])}.')
    if other := [key for key, shape in shapes.items() if weights[key] != shape]:
        raise CheckpointError(
            f'{name}: {len(other)} of the weights have another shape, first {other[0]}: {weights[other[0]]} instead of '
            f'{shapes[other[0]]}.'
        )


def refuse_uneven(arch: Architecture, name: str) -> None:
    """Raises a CheckpointError if the heads do not divide the width, or the network is larger than any in use."""
    for heads in (arch.num_heads, arch.last_num_heads, NUM_HEADS):  # 16, so that positions get their multiple of 4
        if arch.embed_dims % heads:
            raise CheckpointError(f'{name}: a width of {arch.embed_dims} cannot have {heads} heads.')
    if not (WIDTH.holds(arch.embed_dims) and FIELDS['depth'].holds(arch.depth)):
        raise CheckpointError(f'{name}: a network of width {arch.embed_dims} with {arch.depth} blocks is not built.')


def shapes_of(arch: Architecture) -> dict[str, tuple[int, ...]]:
    """Names and shapes of all weights; allocates no weights."""
    with torch.device('meta'):
        return {name: tuple(tensor.shape) for name, tensor in ImageFuser(**build_parts(arch)).state_dict().items()}


def build_parts(arch: Architecture, common: CommonOrder = 'mean') -> dict[str, nn.Module]:
    """Builds the parts of :class:`ImageFuser` with random weights: encoder, decomposition and image heads."""
    return dict(
        backbone=DeFusionEncoder(arch),
        neck=Sequential(DecompositionNeck(arch.embed_dims, common)),
        **{slot: ImageHead(arch.embed_dims) for slot in HEADS},
        data_preprocessor=BaseDataPreprocessor(),  # without one, MMEngine's registry would build it
    )


def plain_network_config(arch: Architecture) -> dict[str, Any]:
    """The config that a checkpoint carries of its network, for :func:`read_network_config`."""
    width = dict(embed_dims=arch.embed_dims)
    return dict(
        backbone=dict(type='mmdefusion.DeFusionEncoder', arch=asdict(arch)),
        neck=[dict(type='mmdefusion.DecompositionNeck', **width)],
        **{slot: dict(type='mmdefusion.ImageHead', **width) for slot in HEADS},
    )
