"""What tokens attend to by place, where full attention costs too much: alternatives to a mask."""

from .pooled_keys import PooledKeys
from .windows import Windows

Reach = Windows | PooledKeys


def check_reach(window: int | None, global_blocks: int, pooling: int, depth: int) -> None:
    """Raises a ValueError if the options of windows and pooled keys of an encoder make no sense.

    Args:
        window: longest side of windows in patches, or None for full attention.
        global_blocks: number of blocks that attend to the whole image nevertheless.
        pooling: side in patches of what their keys and values are means of.
        depth: number of blocks of the encoder.
    """
    if window is not None and window < 1:
        raise ValueError(f'window={window} must be at least 1 patch, or None for full attention.')
    if window is not None and not 0 <= global_blocks <= depth:
        raise ValueError(f'global_blocks={global_blocks} is out of range: this encoder takes 0 to {depth}.')
    if not isinstance(pooling, int) or pooling < 1:
        raise ValueError(f'pooling={pooling} must be a whole number of patches, at least 1.')
    if pooling > 1 and window is None:
        raise ValueError(f'pooling={pooling} is for networks with windows: set window too, or pooling=1.')
