"""Teaches MMEngine the names of weights (:mod:`.shipped`), for ``load_from`` and ``init_cfg``."""

import re
from typing import Any

from mmengine.runner.checkpoint import CheckpointLoader

from .reading import read_checkpoint
from .shipped import in_wheels, shipped

NAMES = rf'({"|".join(map(re.escape, in_wheels() | shipped()))})$'  # MMEngine matches this with what a config names


@CheckpointLoader.register_scheme(prefixes=NAMES)
def load_by_name(filename: str, map_location: Any = 'cpu') -> dict:
    """Reads the weights of this name, on the CPU as MMEngine does; a file of this name comes first, as always."""
    return read_checkpoint(filename)
