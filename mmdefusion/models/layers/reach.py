"""What tokens attend to by place, where full attention costs too much: alternatives to a mask."""

from .pooled_keys import PooledKeys
from .windows import Windows

Reach = Windows | PooledKeys
