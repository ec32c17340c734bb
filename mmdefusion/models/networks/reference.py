"""Converts checkpoints from the layout of DeFusion++'s authors to ours and back.

Both hold the same tensors under different names. Tensors that our modules lack are set aside by the conversion to our
layout and restored by the conversion back: the fixed position embeddings, the final norm of the encoder, which is never
applied, and the teachers, which the authors store with the student.
"""

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..backbones.architectures import ARCHITECTURES, Architecture, resolve_architecture
from ..checkpoints.encoder_fit import POSITIONS
from ..checkpoints.errors import CheckpointError
from ..checkpoints.low_rank import merge_low_rank
from ..checkpoints.mae import is_fixed_embedding
from ..checkpoints.unwrap import State, unwrap
from ..heads import MFMHead, TeacherPredictionHead
from ..layers import sincos_position_embedding
from .network_config import refuse_other_sizes, refuse_uneven, shapes_of

# reference prefix -> our prefix; in both directions, the first match counts
PREFIXES = {
    'enc_norm1.': 'backbone.skip_norm1.',
    'enc_norm2.': 'backbone.skip_norm2.',
    'encoder.': 'backbone.',
    'decoder_common_blocks.0.': 'neck.0.deep.common.',
    'decode_common_skipconn.': 'neck.0.skip.common.',
    'decoder_common_blocks.1.': 'common_head.block.',
    'decoder_common_blocks.2.': 'common_head.proj.',
    'decoder_unique_blocks.0.': 'neck.0.deep.unique.',
    'decoder_unique_skipconn.': 'neck.0.skip.unique.',
    'decoder_unique_residual.': 'neck.0.deep.residual.',
    'decoder_unique_residual_skipconn.': 'neck.0.skip.residual.',
    'decoder_unique_blocks.1.': 'unique_head.block.',
    'decoder_unique_blocks.2.': 'unique_head.proj.',
    'decoder_fuse_blocks.0.': 'neck.0.deep.fusion.',
    'decoder_fuse_skipconn.': 'neck.0.skip.fusion.',
    'recon_blocks_mim_encoder.': 'neck.0.mixer.',
    'decoder_fuse_blocks.1.': 'fused_head.block.',
    'decoder_fuse_blocks.2.': 'fused_head.proj.',
    'conv1x1.': 'neck.1.proj.',  # in the detector: LayerNorm and linear map before the pyramid
    'mask_token': 'mfm_head.mask_token',
    'mim_decoder_blocks.': 'mfm_head.blocks.',
    'mim_decoder_norm.': 'mfm_head.norm.',
    'mim_decoder_pred.': 'mfm_head.proj.',
    'latent_predict1.': 'teacher_head.proj_infrared.',
    'latent_predict2.': 'teacher_head.proj_visible.',
    'mm_unique_norm1.': 'teacher_head.norm_infrared.',
    'mm_unique_norm2.': 'teacher_head.norm_visible.',
}
# inside a decomposition block
BLOCK_NAMES = {
    'multi_input_self_attn.multihead_attn.in_proj_': 'attn.in_proj.',
    'multi_input_self_attn.multihead_attn.': 'attn.',
    'multi_input_self_attn.': '',
}
FIXED_EMBEDDINGS = ('encoder.pos_embed', 'decoder_pos_embed')
UNUSED = ('encoder.norm.weight', 'encoder.norm.bias')
TEACHERS = ('model_encoder1.', 'model_encoder2.')  # infrared, visible


class ConvertedCheckpoint(NamedTuple):
    """Our weights, and the reference tensors that our modules lack, for the conversion back."""

    state_dict: State
    set_aside: State


def to_our_name(name: str) -> str | None:
    """Our name of a reference tensor, or None if our modules lack it."""
    for old, new in PREFIXES.items():
        if name.startswith(old) and name not in FIXED_EMBEDDINGS + UNUSED:
            rest = name[len(old) :]
            for inner, ours in BLOCK_NAMES.items():
                if rest.startswith(inner):
                    return new + ours + rest[len(inner) :]
            return new + rest
    return None


def to_reference_name(name: str) -> str:
    """The reference name of one of our tensors.

    Raises:
        ValueError: if the reference has no such part.
    """
    for old, new in PREFIXES.items():
        if name.startswith(new):
            rest = name[len(new) :]
            if new.endswith(('common.', 'unique.', 'fusion.')):
                rest = _to_reference_block_name(rest)
            return old + rest
    raise ValueError(f'{name} has no counterpart in the reference layout.')


def _to_reference_block_name(rest: str) -> str:
    if rest.startswith('attn.in_proj.'):
        return rest.replace('attn.in_proj.', 'multi_input_self_attn.multihead_attn.in_proj_')
    if rest.startswith('attn.'):
        return rest.replace('attn.', 'multi_input_self_attn.multihead_attn.')
    if rest.startswith(('query.', 'key.', 'value.')):
        return f'multi_input_self_attn.{rest}'
    return rest


def our_shapes(arch: str | dict) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the weights of our modules; allocates no weights."""
    return shapes_of(resolve_architecture(arch))


def optional_shapes(state: State, embed_dims: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the optional parts of which ``state`` has at least one tensor.

    These are the heads of pretraining and the projection before a detector's pyramid. The last linear map of the
    teacher predictions and of that projection may have any width.
    """
    with torch.device('meta'):
        parts = {
            'mfm_head.': MFMHead(embed_dims),
            'teacher_head.': TeacherPredictionHead(embed_dims, _rows(state, 'latent_predict1.weight', 768)),
            'neck.1.proj.': nn.Sequential(
                nn.LayerNorm(embed_dims), nn.Linear(embed_dims, _rows(state, 'conv1x1.1.weight', 4 * embed_dims))
            ),
        }
    ours = [to_our_name(name) or '' for name in state]
    return {
        prefix + name: tuple(tensor.shape)
        for prefix, part in parts.items()
        if any(name.startswith(prefix) for name in ours)
        for name, tensor in part.state_dict().items()
    }


def _rows(state: State, name: str, default: int) -> int:
    return len(state[name]) if name in state and state[name].ndim else default


def from_reference(checkpoint: dict) -> ConvertedCheckpoint:
    """Converts a checkpoint from the authors' layout to ours.

    A checkpoint of the encoder alone (keys ``blocks.0...`` as in MAE and TinyMIM) is converted too.

    Raises:
        CheckpointError: naming every missing, unexpected and misshapen key, or a position embedding that is not the
            fixed sin-cos one.
    """
    state = unwrap(checkpoint)
    encoder_only = 'patch_embed.proj.weight' in state
    if encoder_only:
        state = {f'encoder.{name}': value for name, value in state.items()}
    arch = _arch_of(state)
    expected = our_shapes(arch)
    if encoder_only:
        expected = {name: shape for name, shape in expected.items() if name.startswith('backbone.')}
        expected = {name: shape for name, shape in expected.items() if 'skip_norm' not in name}
    expected |= optional_shapes(state, embed_dims=expected['backbone.cls_token'][-1])

    converted, set_aside, unexpected = {}, {}, []
    for name, value in state.items():
        ours = to_our_name(name)
        if name in FIXED_EMBEDDINGS:
            _check_position_embedding(name, value)
            set_aside[name] = value
        elif ours is None and (name in UNUSED or name.startswith(TEACHERS)):
            set_aside[name] = value
        elif ours in expected:
            converted[ours] = value
        else:
            unexpected.append(name)
    missing = [to_reference_name(name) for name in expected if name not in converted]
    misshapen = [
        f'{to_reference_name(name)} {tuple(value.shape)} instead of {expected[name]}'
        for name, value in converted.items()
        if tuple(value.shape) != expected[name]
    ]
    if encoder_only:
        set_aside |= {name: state[name] for name in unexpected}  # classifiers and decoders of other methods
        unexpected = []
    _raise_on(missing=missing, unexpected=unexpected, misshapen=misshapen)
    return ConvertedCheckpoint(converted, set_aside)


def to_reference(state_dict: State, set_aside: State | None = None) -> State:
    """Converts our weights to the authors' layout.

    Args:
        state_dict: weights of :class:`ImageFuser`, of a pretrainer, or of a detector's first parts; low-rank updates
            are merged.
        set_aside: the tensors that :func:`from_reference` set aside; without them, the unused final norm of the encoder
            is written as the identity.

    Raises:
        CheckpointError: naming every missing, unexpected or misshapen tensor; what the authors' network has no place
            for, such as learned positions, cannot be written.
    """
    state_dict = {name: value for name, value in merge_low_rank(state_dict).items() if not _is_fixed_table(name, value)}
    if 'backbone.cls_token' not in state_dict or not state_dict['backbone.cls_token'].ndim:
        raise CheckpointError(
            f'The weights hold no backbone.cls_token, so they are not ours: {sorted(state_dict)[:3]}, ...'
        )
    embed_dims = state_dict['backbone.cls_token'].shape[-1]
    ours = {name: value for name, value in state_dict.items() if any(map(name.startswith, PREFIXES.values()))}
    converted = {to_reference_name(name): value for name, value in ours.items()}
    expected = our_shapes(_arch_of(converted)) | optional_shapes(converted, embed_dims)
    expected = {to_reference_name(name): shape for name, shape in expected.items()}
    _raise_on(
        missing=[name for name in expected if name not in converted],
        unexpected=[name for name in state_dict if name not in ours or to_reference_name(name) not in expected],
        misshapen=[
            f'{name} {tuple(converted[name].shape)} instead of {shape}'
            for name, shape in expected.items()
            if name in converted and tuple(converted[name].shape) != shape
        ],
    )
    embedding = sincos_position_embedding(embed_dims)[None]
    embeddings = {'encoder.pos_embed': embedding}
    if 'mask_token' in converted:
        embeddings['decoder_pos_embed'] = embedding
    identity = {'encoder.norm.weight': torch.ones(embed_dims), 'encoder.norm.bias': torch.zeros(embed_dims)}
    return {**embeddings, **identity, **(set_aside or {}), **converted}


def _arch_of(state: State) -> str | dict:
    """The preset, or else the dict, of an encoder with the width and depth of the checkpoint."""
    weight = state.get('encoder.patch_embed.proj.weight')
    if weight is None:
        raise CheckpointError(
            'The checkpoint has no encoder.patch_embed.proj.weight, so it is not in the layout of the DeFusion++ '
            f'authors; its keys begin {sorted(state)[:3]}.'
        )
    depth = len({name.split('.')[2] for name in state if name.startswith('encoder.blocks.')})
    embed_dims = len(weight) if weight.ndim else 0
    for name, preset in ARCHITECTURES.items():
        if preset.embed_dims == embed_dims and preset.depth == depth:
            return name
    arch = {'embed_dims': embed_dims, 'depth': depth}
    refuse_uneven(Architecture(**arch), 'The encoder')
    return arch


def preset_of(state_dict: State) -> Architecture | None:
    """The preset that our weights belong to, or None; weights do not tell the number of heads, so it is not guessed."""
    for preset in ARCHITECTURES.values():
        try:
            refuse_other_sizes(preset, state_dict, 'The checkpoint')
        except CheckpointError:
            continue
        return preset
    return None


def _check_position_embedding(name: str, value: Tensor) -> None:
    if not is_fixed_embedding(value, tolerance=1e-5):
        raise CheckpointError(
            f'{name} {tuple(value.shape)} is not the fixed sin-cos embedding of a 14×14 grid, '
            'which is what DeFusion++ uses and this package computes: the checkpoint belongs to another model.'
        )


def _is_fixed_table(name: str, value: Tensor) -> bool:
    """Whether a tensor of ours is a table of positions that the reference computes, and stores under another name."""
    return name == f'backbone.{POSITIONS}' and value.ndim == 2 and is_fixed_embedding(value[None], tolerance=1e-5)


def _raise_on(**problems: Iterable[str]) -> None:
    found = [f'{kind}: {", ".join(sorted(names))}' for kind, names in problems.items() if names]
    if found:
        raise CheckpointError(f'The checkpoint does not fit the reference layout. {"; ".join(found)}.')
