"""Converts published plain vision transformers to the weights of our encoder.

The layouts are in :mod:`.vit_layouts`. Features that our blocks lack are expressed by those that they have: LayerScale
is folded into the linear map before it, patches are resized to 16 pixels, learned positions become a table.
"""

import re
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from mmdefusion.utils.names import some

from ..layers import PATCH_SIZE, sincos_position_embedding
from ..layers.position_embedding import GRID
from .errors import CheckpointError
from .unwrap import State
from .vit_layouts import canonical_names, strip_prefix

BLOCK = {
    'norm1.weight': (1,),
    'norm1.bias': (1,),
    'attn.qkv.weight': (3, 1),
    'attn.qkv.bias': (3,),
    'attn.proj.weight': (1, 1),
    'attn.proj.bias': (1,),
    'norm2.weight': (1,),
    'norm2.bias': (1,),
    'mlp.fc1.weight': (4, 1),
    'mlp.fc1.bias': (4,),
    'mlp.fc2.weight': (1, 4),
    'mlp.fc2.bias': (1,),
}  # parameters of a block of the encoder; shapes in multiples of the width
MAX_DEPTH = 128  # public ViTs have up to 48 blocks
MAX_PATCH = 64  # pixels; public ViTs have up to 32, and to resize takes a matrix of patch² x patch²
OTHER_INPUTS = ('norm_pre.', 'pre_norm.', 'patch_embed.norm', 'rel_pos_bias', 'rope')  # between patches and blocks


@dataclass(frozen=True)
class ViTWeights:
    """The weights of a public ViT in the form of our encoder."""

    state: State  #: class token, patch embedding, blocks (and register tokens), under the encoder's names
    positions: Tensor | None  #: (1 + g·g)×C, class token first; None for the fixed sin-cos embedding
    set_aside: list[str]  #: names that an encoder does not need: heads, decoders, the last norm

    @property
    def embed_dims(self) -> int:
        """Width C."""
        return self.state['patch_embed.proj.weight'].shape[0]

    @property
    def depth(self) -> int:
        """Number of blocks."""
        return len({name.split('.')[1] for name in self.state if name.startswith('blocks.')})

    @property
    def num_registers(self) -> int:
        """Number of register tokens."""
        registers = self.state.get('register_tokens')
        return 0 if registers is None else registers.shape[1]

    def first(self, depth: int) -> 'ViTWeights':
        """The same ViT with its first ``depth`` blocks only."""
        later = tuple(f'blocks.{index}.' for index in range(depth, self.depth))
        return replace(self, state={name: value for name, value in self.state.items() if not name.startswith(later)})


def read_vit(state: State, name: str) -> ViTWeights:
    """Recognises the layout of a plain ViT and converts it.

    Args:
        state: unwrapped weights in the layout of timm (DeiT, MAE, DINO, DINOv2, TinyMIM, M-SpecGene), Hugging Face
            (ViT, DeiT, MAE, DINOv2 with registers or without) or mmpretrain, under any prefix.
        name: name of the checkpoint in error messages.

    Raises:
        CheckpointError: naming tensors that are missing, misshapen, or unknown to our blocks.
    """
    state = canonical_names(strip_prefix(state, name))
    _check_depth(name, state)
    state = fold_layer_scale(join_qkv(state))
    kept = {key: value.float() for key, value in state.items() if _is_part(key)}
    unknown = [key for key in state if key.startswith(('blocks.', *OTHER_INPUTS)) and key not in kept]
    _raise_on(name, kept, unknown)
    kept['cls_token'] = kept['cls_token'].reshape(1, 1, -1)
    kept['patch_embed.proj.weight'] = resize_patches(kept['patch_embed.proj.weight'], PATCH_SIZE)
    positions = read_positions(state.get('pos_embed'), kept['cls_token'].shape[-1], name)
    set_aside = sorted(key for key in state if key not in kept and key != 'pos_embed')
    return ViTWeights(kept, positions, set_aside)


def join_qkv(state: State) -> State:
    """Joins separate query, key and value maps into one with rows (3, heads, head width).

    A missing bias becomes zero. What does not fit together stays, to be reported.
    """
    joined = dict(state)
    for stem in {key.removesuffix('attn.q.weight') for key in state if key.endswith('attn.q.weight')}:
        names = [f'{stem}attn.{part}' for part in 'qkv']
        weights = [state.get(f'{part}.weight') for part in names]
        if any(weight is None or weight.ndim != 2 or weight.shape != weights[0].shape for weight in weights):
            continue
        zeros = weights[0].new_zeros(len(weights[0]))
        biases = [state.get(f'{part}.bias', zeros) for part in names]
        if any(bias.shape != zeros.shape for bias in biases):
            continue
        for part in names:
            joined.pop(f'{part}.weight')
            joined.pop(f'{part}.bias', None)
        joined[f'{stem}attn.qkv.weight'] = torch.cat(weights)
        joined[f'{stem}attn.qkv.bias'] = torch.cat(biases)
    for key in [key for key in joined if key.endswith('attn.qkv.weight') and joined[key].ndim]:
        joined.setdefault(key.replace('weight', 'bias'), joined[key].new_zeros(len(joined[key])))
    return joined


def fold_layer_scale(state: State) -> State:
    """Folds LayerScale into the last linear map of its branch: γ · (W x + b) = (γ W) x + γ b.

    A scale of another size than its map stays, to be reported.
    """
    folded = dict(state)
    for key in [key for key in state if re.search(r'\.ls[12]$', key)]:
        linear = key[: -len('ls1')] + ('attn.proj' if key.endswith('ls1') else 'mlp.fc2')
        scale = folded[key]
        maps = {name: folded[name] for name in (f'{linear}.weight', f'{linear}.bias') if name in folded}
        if any(scale.ndim != 1 or value.shape[:1] != scale.shape for value in maps.values()):
            continue
        del folded[key]
        for name, value in maps.items():
            folded[name] = value * (scale[:, None] if value.ndim == 2 else scale)
    return folded


def resize_patches(weight: Tensor, size: int) -> Tensor:
    """Resizes a patch convolution C×3×p×p to patches of ``size`` pixels.

    On a resized patch, the new weights give what the old weights give on the original patch, by the pseudo-inverse of
    the resize (Beyer et al., FlexiViT, section 3.4).
    """
    old = weight.shape[-1]
    if old == size:
        return weight
    basis = torch.eye(old * old, dtype=torch.float64).reshape(old * old, 1, old, old)
    resized = interpolate(basis, size=(size, size), mode='bilinear', align_corners=False, antialias=size < old)
    resize = resized.flatten(1).T  # (size²)×(old²)
    return (weight.double().flatten(2) @ torch.linalg.pinv(resize)).unflatten(2, (size, size)).to(weight.dtype)


def read_positions(value: Tensor | None, embed_dims: int, name: str) -> Tensor | None:
    """Learned positions as a table (1 + g·g)×C, or None if there are none or our encoder computes the same.

    Raises:
        CheckpointError: if they are of another width, or not of a square grid.
    """
    if value is None:
        return None
    fits = value.ndim > 0 and value.shape[-1] == embed_dims
    table = value.float().reshape(-1, embed_dims) if fits else value.new_zeros(0, embed_dims)
    side = int(len(table) ** 0.5)
    if side * side == len(table):  # timm's no_embed_class: no position for the class token
        table = torch.cat([torch.zeros_like(table[:1]), table])
    if side * side != len(table) - 1:
        raise CheckpointError(
            f'{name} has positions of shape {tuple(value.shape)}, which are no square grid of width {embed_dims}.'
        )
    # half precision rounds by 2.4e-4
    if side == GRID and embed_dims % 4 == 0 and (table - sincos_position_embedding(embed_dims)).abs().max() < 1e-3:
        return None
    return table


def _is_part(key: str) -> bool:
    match = re.fullmatch(r'blocks\.[0-9]+\.(.+)', key)
    if match:
        return match[1] in BLOCK
    return key in ('cls_token', 'register_tokens', 'patch_embed.proj.weight', 'patch_embed.proj.bias')


def _check_depth(name: str, state: State) -> None:
    """Raises a CheckpointError if a block has a number that no ViT has: the number decides how many are expected."""
    for key in state:
        match = re.match(r'blocks\.([0-9]+)\.', key)
        if match and (len(match[1]) > 3 or int(match[1]) >= MAX_DEPTH):
            raise CheckpointError(
                f'{name} has a block of number {match[1]:.20}, and ViTs of up to {MAX_DEPTH} blocks are read.'
            )


def _raise_on(name: str, state: State, unknown: list[str]) -> None:
    """Raises a CheckpointError if the weights are not a complete plain ViT; the message names the tensors."""
    weight = state.get('patch_embed.proj.weight')
    if weight is None or weight.ndim != 4 or weight.shape[1] != 3 or weight.shape[2] != weight.shape[3]:
        shape = None if weight is None else tuple(weight.shape)
        raise CheckpointError(f'{name} has no patch embedding C×3×p×p of a plain ViT (found {shape}).')
    width, patch = len(weight), weight.shape[-1]
    if not width or not 1 <= patch <= MAX_PATCH:
        raise CheckpointError(
            f'{name} has a patch embedding of shape {tuple(weight.shape)}; patches of 1 to {MAX_PATCH} pixels and a '
            'width of 1 or more are read.'
        )
    depth = 1 + max((int(key.split('.')[1]) for key in state if key.startswith('blocks.')), default=-1)
    expected = {
        f'blocks.{index}.{part}': tuple(width * factor for factor in shape)
        for index in range(depth)
        for part, shape in BLOCK.items()
    }
    expected['patch_embed.proj.bias'] = (width,)
    problems = {
        'missing': [key for key in [*expected, 'cls_token'] if key not in state],
        'misshapen': [
            f'{key} {tuple(state[key].shape)} instead of {shape}'
            for key, shape in expected.items()
            if key in state and tuple(state[key].shape) != shape
        ],
        'of another kind of ViT': unknown,
    }
    if depth == 0:
        problems['missing'].append('blocks.0')
    if 'cls_token' in state and state['cls_token'].numel() != width:
        problems['misshapen'].append(f'cls_token {tuple(state["cls_token"].shape)} instead of width {width}')
    if 'register_tokens' in state and state['register_tokens'].shape[::2] != (1, width):
        problems['misshapen'].append(
            f'register_tokens {tuple(state["register_tokens"].shape)} instead of (1, R, {width})'
        )
    found = [f'{kind}: {some(keys)}' for kind, keys in problems.items() if keys]
    if found:
        raise CheckpointError(f'{name} is no ViT that mmdefusion.DeFusionEncoder can hold; {"; ".join(found)}.')
