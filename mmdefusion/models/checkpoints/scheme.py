"""Teaches MMEngine, for ``load_from`` and ``init_cfg``, the names of weights that come with the package, files of a hub
and safetensors files."""

import re
from typing import Any

from mmengine.runner.checkpoint import CheckpointLoader

from mmdefusion.utils import hub

from .reading import read_checkpoint
from .safetensors_files import SUFFIX
from .shipped import named

NAMES = rf'({"|".join(map(re.escape, named()))})$'  # MMEngine matches this with what a config names
HUB = (hub.SCHEME, re.escape(f'{hub.endpoint()}/'))


SAFETENSORS = rf'.*{re.escape(SUFFIX)}$'


@CheckpointLoader.register_scheme(prefixes=(NAMES, *HUB, SAFETENSORS))
def load_by_name(filename: str, map_location: Any = 'cpu') -> dict:
    """Reads the weights of this name, on the CPU as MMEngine does; a file of this name comes first, as always."""
    return read_checkpoint(filename)
