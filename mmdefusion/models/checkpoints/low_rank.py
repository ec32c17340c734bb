"""Turns low-rank updates into plain weights."""

from collections.abc import Mapping

from ..layers.low_rank import DOWN, UP
from .errors import CheckpointError
from .unwrap import State


def merge_low_rank(state: State, name: str = 'The checkpoint') -> State:
    """Adds the low-rank updates in weights to the maps that they belong to, which gives the same function.

    Args:
        state: weights of any network, from :func:`unwrap`; without updates they are returned as they are.
        name: name of the checkpoint in error messages.

    Returns:
        Weights in which no update is left, in the order and the types of the old ones.

    Raises:
        CheckpointError: if an update lacks one of its factors or its map, or does not fit it.
    """
    merged = {key: value for key, value in state.items() if not key.endswith((f'.{DOWN}', f'.{UP}'))}
    for whole in sorted({key.rpartition('.')[0] for key in state.keys() - merged.keys()}):
        names = [f'{whole}.{part}' for part in ('weight', UP, DOWN)]
        shapes = [tuple(state[key].shape) if key in state else () for key in names]
        if any(len(shape) != 2 for shape in shapes) or shapes[0] + shapes[1][1:] != (*shapes[1][:1], *shapes[2][::-1]):
            found = ', '.join(f'{key} {shape or "is missing"}' for key, shape in zip(names, shapes, strict=True))
            raise CheckpointError(f'{name}: the low-rank update of {whole} cannot be merged ({found}).')
        weight, up, down = (state[key] for key in names)
        merged[names[0]] = (weight.double() + up.double() @ down.double()).to(weight.dtype)
    return merged


def merge_foreign_updates(state: State, prefix: str, own: Mapping[str, tuple[int, ...]]) -> None:
    """Merges the low-rank updates of a part of a network, in place, unless the part has the same itself.

    Args:
        state: weights of a network.
        prefix: beginning of the names of the part's weights.
        own: names, without prefix, and shapes of the factors that the part has.

    Raises:
        CheckpointError: as :func:`merge_low_rank`.
    """
    held = [key for key in state if key.startswith(prefix) and key.endswith((f'.{DOWN}', f'.{UP}'))]
    if {key.removeprefix(prefix): state[key].shape for key in held} == own:
        return
    maps = {f'{key.rpartition(".")[0]}.weight' for key in held} & state.keys()
    state.update(merge_low_rank({key: state[key] for key in (*maps, *held)}))
    for key in held:
        del state[key]
