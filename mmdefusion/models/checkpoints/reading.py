"""Reads checkpoint files as tensors and plain data. All files are read here, and nothing in a file can run."""

import hashlib
import os
import re
import stat
import warnings
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import torch
from mmengine.fileio import get_local_path
from torch import Tensor
from torch.hub import download_url_to_file, get_dir

from .archives import LEGACY, ZIP, check_legacy, check_zip, first_line
from .errors import CheckpointError
from .safetensors_files import looks_like_safetensors, read_safetensors
from .shipped import path_of

OLDEST_TORCH = (2, 6)  # older versions can be made to run code in spite of weights_only (CVE-2025-32434)
HASHED = re.compile(r'-([0-9a-f]{8})\.(pth|pt|safetensors)')
MAX_DEPTH = 32
MAX_VALUES = 2**20
MAX_DIMENSIONS = 16  # torch fails beyond 64, but halfway through an operation
LEAVES = (str, int, float, bool, bytes, type(None), torch.dtype, torch.device)


def read_checkpoint(source: str | os.PathLike) -> dict[str, Any]:
    """Reads a checkpoint: tensors on the CPU, and plain data.

    The format (``torch.save`` or safetensors) is recognised by the content. Of a safetensors file, the tensors become
    ``state_dict`` and our metadata become ``meta``.

    Args:
        source: file or URL, or the name of weights that come with the package (``'tiny'``). Downloads from
            ``https://`` are kept in torch's hub folder; other schemes go through MMEngine's file backends.

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
    if torch.__version__ < OLDEST_TORCH:
        raise CheckpointError(
            f"{source} is not read with torch {torch.__version__}, which can't be kept from running what a file says: "
            f"pip install 'torch>={'.'.join(map(str, OLDEST_TORCH))}'."
        )
    name = str(source)
    if '://' not in name:
        return _read_file(Path(path_of(source)), name)
    if urlparse(name).scheme in ('http', 'https'):
        return _read_file(_download(name), name)
    try:
        with get_local_path(name) as local:
            return _read_file(Path(local), name)
    except CheckpointError:
        raise
    except Exception as error:  # each backend has its own errors
        raise CheckpointError(f'{name} cannot be fetched: {first_line(error)}') from None


def _download(url: str) -> Path:
    """The path of the file in torch's hub folder, downloaded if it does not exist."""
    target = Path(get_dir()) / 'checkpoints' / Path(urlparse(url).path).name
    if not target.is_file():
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            download_url_to_file(url, str(target), progress=False)  # renames complete files
        except (OSError, RuntimeError, ValueError) as error:
            raise CheckpointError(f'{url} cannot be fetched: {first_line(error)}') from None
    return target


def _read_file(path: Path, name: str) -> Any:
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(f'The checkpoint {name} is not there.') from None
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


def _read_open(file: Any, path: Path, name: str) -> Any:
    size = os.fstat(file.fileno()).st_size
    if not size:
        raise CheckpointError(f'{name} is empty.')
    _check_hash(file, path, name)
    start = file.read(len(LEGACY))
    file.seek(0)
    if start.startswith(ZIP):
        check_zip(file, name)
    elif start == LEGACY:
        check_legacy(file, name)
    elif looks_like_safetensors(start):
        return Plain(name, size).copy(read_safetensors(file, path, name))
    else:
        raise CheckpointError(f'{name} is neither a checkpoint of torch.save nor a safetensors file.')
    file.seek(0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            content = torch.load(file, map_location='cpu', weights_only=True)
    except Exception as error:  # torch raises many kinds of error for incomplete files
        raise CheckpointError(f'{name} is no checkpoint that torch can read safely: {first_line(error)}') from None
    return Plain(name, size).copy(content)


def _check_hash(file: Any, path: Path, name: str) -> None:
    """Compares the SHA-256 with its beginning in the names of published files; a date of eight digits is no hash."""
    found = HASHED.fullmatch(path.name[-len('-00000000') - len(path.suffix) :])
    if not found or _is_date(found[1]):
        return
    digest = hashlib.file_digest(file, 'sha256').hexdigest() if hasattr(hashlib, 'file_digest') else _digest(file)
    file.seek(0)
    if not digest.startswith(found[1]):
        raise CheckpointError(
            f'{name} is damaged or was changed: its SHA-256 begins {digest[:8]}, its name says {found[1]}. Fetch it '
            'again, or rename it if the name means something else.'
        )


def _digest(file: Any) -> str:
    digest = hashlib.sha256()  # Python 3.10
    while block := file.read(2**20):
        digest.update(block)
    return digest.hexdigest()


def _is_date(text: str) -> bool:
    try:
        return 1990 <= datetime.strptime(text, '%Y%m%d').year < 2100
    except ValueError:
        return False


class Plain:
    """Copies unpickled data into plain containers, and refuses tensors that the file cannot contain.

    A file may repeat one list in many places, nest lists without end, give a dict attributes that hide its methods, or
    expand one stored number to a tensor of any size.

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
        if value.numel() * value.element_size() > storage.nbytes() or self.stored > self.size:
            raise CheckpointError(f'{self.name} of {self.size} bytes claims to hold larger tensors than it does.')
        return value.detach()


def _allowed_types() -> list[type]:
    """Classes that the user allowed torch to load, such as MMEngine's HistoryBuffer."""
    return [kind for kind in torch.serialization.get_safe_globals() if isinstance(kind, type)]
