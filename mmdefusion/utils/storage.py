"""Reads files: plain local ones without MMEngine, which deployed models do without, all others through its backends."""

import os
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmengine.fileio import BaseStorageBackend

DATABASE = 'data.mdb'  # the file of an LMDB database that is a folder


def is_plain(path: str | os.PathLike, backend_args: dict | None = None) -> bool:
    """Whether a path names a local file, with no backend asked for and no scheme such as ``s3://``."""
    return backend_args is None and '://' not in os.fspath(path)


def is_local(path: str, backend_args: dict | None = None) -> bool:
    """Whether ``path`` is read from a file system that can be listed cheaply.

    Raises:
        OSError: if there is no backend for it.
    """
    if is_plain(path, backend_args):
        return True
    from mmengine.fileio import LocalBackend

    return isinstance(_backend(path, backend_args), LocalBackend)


def stamp(path: str | os.PathLike) -> tuple[str, int, int]:
    """A file's name, size and date, by which a change of it is known; size and date of the archive for its members."""
    name = os.path.normpath(path)
    for holder in (Path(name), *Path(name).parents):
        file = holder / DATABASE if holder.is_dir() else holder
        if file.is_file():
            found = file.stat()
            return name, found.st_size, found.st_mtime_ns
    return name, 0, 0  # absent, or elsewhere than on this machine


def read_content(path: str, backend_args: dict | None = None) -> bytes | None:
    """All bytes of a file; None where a backend (LMDB) has no such key.

    Raises:
        OSError: if it cannot be read, or there is no backend for it.
    """
    if is_plain(path, backend_args):
        return Path(path).read_bytes()
    return _backend(path, backend_args).get(path)


def local_copy(path: str, backend_args: dict | None = None) -> AbstractContextManager[str]:
    """A context that gives a local path of a file: its own, or that of a copy for as long as the context lasts.

    Raises:
        OSError: if there is no backend for it.
    """
    if is_plain(path, backend_args):
        return nullcontext(path)
    return _backend(path, backend_args).get_local_path(path)


def _backend(path: str, backend_args: dict | None) -> 'BaseStorageBackend':
    """MMEngine's backend for a path, which it looks up by the scheme or by the name in ``backend_args``."""
    from mmengine import fileio

    try:
        return fileio.get_file_backend(path, backend_args=backend_args, enable_singleton=True)
    except KeyError as error:
        raise OSError(f'{path}: there is no file backend {error}: download the file, or name it by its path.') from None
    except ImportError as error:  # of the package that speaks to the storage
        raise OSError(f'{path}: {" ".join(str(error).split())}') from None
