"""Weights in safetensors files, a format that can only hold tensors and strings."""

import json
import os
import struct
from pathlib import Path
from typing import Any, BinaryIO

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from .archives import first_line
from .errors import CheckpointError
from .unwrap import State

SUFFIX = '.safetensors'
META = 'mmdefusion'  # key of our metadata, as JSON
NESTED = 'reference_only'  # the only other dict of tensors in our checkpoints
MAX_HEADER = 2**24  # bytes
LENGTH = struct.Struct('<Q')


def looks_like_safetensors(start: bytes) -> bool:
    """Whether a file that starts with these bytes may be a safetensors file: a length, then a JSON header."""
    return len(start) > LENGTH.size and start[LENGTH.size : LENGTH.size + 1] == b'{'


def read_safetensors(file: BinaryIO, path: Path, name: str) -> dict[str, Any]:
    """Reads ``state_dict`` and ``meta`` of a file, and ``reference_only`` if it exists.

    Raises:
        CheckpointError: if the header does not describe the content.
    """
    size = os.fstat(file.fileno()).st_size
    (length,) = LENGTH.unpack(file.read(LENGTH.size).ljust(LENGTH.size, b'\0'))
    if length > min(MAX_HEADER, size - LENGTH.size):
        raise CheckpointError(f'{name}: its header would have {length} bytes, of {size} in the file: is it whole?')
    try:
        with safe_open(path, framework='pt') as content:
            metadata = content.metadata() or {}
            state = {key: content.get_tensor(key) for key in content.keys()}  # noqa: SIM118 (no mapping)
    except (SafetensorError, AttributeError, OSError, RuntimeError, TypeError, ValueError) as error:
        raise CheckpointError(f'{name} is no whole safetensors file ({first_line(error)}).') from None
    beside = {key.removeprefix(f'{NESTED}.'): state.pop(key) for key in list(state) if key.startswith(f'{NESTED}.')}
    meta = _meta(metadata.get(META, '{}'), name)
    return dict(state_dict=state, meta=meta, **({NESTED: beside} if beside else {}))


def _meta(text: str, name: str) -> dict[str, Any]:
    try:
        meta = json.loads(text, parse_constant=_refuse)
    except (RecursionError, ValueError) as error:
        raise CheckpointError(f'{name}: its metadata {META!r} is no JSON ({first_line(error)}).') from None
    if not isinstance(meta, dict):
        raise CheckpointError(f'{name}: its metadata {META!r} is a {type(meta).__name__}, not an object.')
    return meta


def _refuse(constant: str) -> None:
    raise ValueError(f'{constant} is not a number.')


def write_safetensors(state: State, meta: dict[str, Any], path: Path, beside: State | None = None) -> None:
    """Writes tensors, copied so that none share memory, and plain data; ``beside`` becomes ``reference_only``."""
    state = state | {f'{NESTED}.{name}': value for name, value in (beside or {}).items()}
    own = {name: value.detach().cpu().contiguous().clone() for name, value in state.items()}
    save_file(own, path, {'format': 'pt', META: json.dumps(meta)})
