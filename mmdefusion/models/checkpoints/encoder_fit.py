"""Refuses weights with which an encoder of DeFusion++ would not compute what they were trained for."""

from collections.abc import Collection
from math import isqrt

from torch import Tensor

from mmdefusion.utils.names import some

from .errors import CheckpointError
from .mae import is_fixed_embedding
from .unwrap import State

PROJECTION = 'patch_embed.proj.weight'
POSITIONS = 'position_embedding.base'  # key of learned positions in checkpoints
PUBLIC_POSITIONS = 'pos_embed'  # that of public ViTs and MAE
# outside the blocks: tokens and positions of ViTs that are not plain; heads, decoders and last norms are set aside
OTHER_KINDS = ('reg_token', 'register_tokens', 'rel_pos_bias', 'rope', 'storage_tokens')


def refuse_other_encoder(held: State, own: Collection[str], width: int, updates: Collection[str], arch: object) -> None:
    """Raises a CheckpointError for weights of another width, depth or kind of ViT, at which MMEngine would only warn.

    Args:
        held: what a checkpoint has for the encoder, by the encoder's names.
        own: names of the encoder's weights.
        width: its width C.
        updates: names of its low-rank updates, which checkpoints without them lack.
        arch: its architecture, for the message.
    """
    if PROJECTION not in held:
        raise CheckpointError(
            f'The checkpoint holds {some(held, 3)} where an encoder of DeFusion++ should be: '
            'name another checkpoint, or the prefix of the encoder in it.'
        )
    if held[PROJECTION].ndim != 4:
        raise CheckpointError(
            f'The checkpoint holds {PROJECTION} of shape {tuple(held[PROJECTION].shape)}, which embeds no patches: '
            'load another checkpoint.'
        )
    found, depth = held[PROJECTION].shape[0], _depth(own)
    if (found, _depth(held)) != (width, depth):
        raise CheckpointError(
            f'The checkpoint holds an encoder of width {found} with {_depth(held)} blocks, the config builds width '
            f'{width} with {depth} blocks (arch={arch}): set arch to that of the checkpoint, or load another '
            'checkpoint.'
        )
    other = [key for key in held if key not in own and key.startswith(('blocks.', *OTHER_KINDS))]
    absent = sorted(key for key in own if key.startswith('blocks.') and key not in held and key not in updates)
    if other or absent:
        why = f'it has {some(other, 3)}' if other else f'it lacks {some(absent, 3)}'
        raise CheckpointError(
            f'The checkpoint holds another kind of ViT than the config builds (arch={arch}): {why}. Give a plain ViT '
            '(docs/encoders.md names the layouts), or a checkpoint of DeFusion++.'
        )
    _refuse_other_positions(held, width)


def _refuse_other_positions(held: State, width: int) -> None:
    table, public = held.get(POSITIONS), held.get(PUBLIC_POSITIONS)
    if table is not None and not _is_square_grid(table, width):
        raise CheckpointError(
            f'The checkpoint holds positions of shape {tuple(table.shape)}, which are no square grid of width {width}.'
        )
    if public is None:
        return
    public = public[None] if public.ndim == 2 else public
    if not is_fixed_embedding(public, tolerance=1e-3):  # half precision rounds by 2.4e-4
        raise CheckpointError(
            "The checkpoint holds positions under a public ViT's name, other than the fixed ones of a grid of 14×14, "
            "which are lost this way: give the file to the encoder itself, init_cfg=dict(type='Pretrained', "
            'checkpoint=...).'
        )


def _is_square_grid(table: Tensor, width: int) -> bool:
    patches = len(table) - 1 if table.ndim == 2 else 0
    return patches > 0 and isqrt(patches) ** 2 == patches and table.shape[1] == width


def _depth(names: Collection[str]) -> int:
    return len({key.split('.')[1] for key in names if key.startswith('blocks.')})
