"""Refuses weights with which an encoder of DeFusion++ would not compute what they were trained for."""

from collections.abc import Collection

from .unwrap import State

PROJECTION = 'patch_embed.proj.weight'
# outside the blocks: tokens and positions of ViTs that are not plain; heads, decoders and last norms are set aside
OTHER_KINDS = ('reg_token', 'register_tokens', 'rel_pos_bias', 'rope', 'storage_tokens')


def refuse_other_encoder(held: State, own: Collection[str], width: int, updates: Collection[str], arch: object) -> None:
    """Raises a ValueError for weights of another width, depth or kind of ViT, at which MMEngine would only warn.

    Args:
        held: what a checkpoint has for the encoder, by the encoder's names.
        own: names of the encoder's weights.
        width: its width C.
        updates: names of its low-rank updates, which checkpoints without them lack.
        arch: its architecture, for the message.
    """
    if PROJECTION not in held:
        raise ValueError(
            f'The checkpoint holds {", ".join(list(held)[:3])}, ... where an encoder of DeFusion++ should be: '
            'name another checkpoint, or the prefix of the encoder in it.'
        )
    found, depth = held[PROJECTION].shape[0], _depth(own)
    if (found, _depth(held)) != (width, depth):
        raise ValueError(
            f'The checkpoint holds an encoder of width {found} with {_depth(held)} blocks, the config builds width '
            f'{width} with {depth} blocks (arch={arch}): set arch to that of the checkpoint, or load another '
            'checkpoint.'
        )
    other = [key for key in held if key not in own and key.startswith(('blocks.', *OTHER_KINDS))]
    absent = sorted(key for key in own if key.startswith('blocks.') and key not in held and key not in updates)
    if other or absent:
        why = f'it has {", ".join(other[:3])}' if other else f'it lacks {", ".join(absent[:3])}'
        raise ValueError(
            f'The checkpoint holds another kind of ViT than the config builds (arch={arch}): {why}. Give a plain ViT '
            '(docs/encoders.md names the layouts), or a checkpoint of DeFusion++.'
        )


def _depth(names: Collection[str]) -> int:
    return len({key.split('.')[1] for key in names if key.startswith('blocks.')})
