"""Reads files: plain local ones without MMEngine, which deployed models do without, all others through its backends."""

import os
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path


def is_plain(path: str | os.PathLike, backend_args: dict | None = None) -> bool:
    """Whether a path names a local file, with no backend asked for and no scheme such as ``s3://``."""
    return backend_args is None and '://' not in os.fspath(path)


def is_local(path: str, backend_args: dict | None = None) -> bool:
    """Whether ``path`` is read from a file system that can be listed cheaply."""
    if is_plain(path, backend_args):
        return True
    from mmengine import fileio
    from mmengine.fileio import LocalBackend

    return isinstance(fileio.get_file_backend(path, backend_args=backend_args, enable_singleton=True), LocalBackend)


def stamp(path: str | os.PathLike) -> tuple[str, int, int]:
    """A file's name, size and date, by which a change of it is known; size and date of the archive for its members."""
    name = os.path.normpath(path)
    for holder in (Path(name), *Path(name).parents):
        if holder.is_file():
            found = holder.stat()
            return name, found.st_size, found.st_mtime_ns
    return name, 0, 0  # absent, or elsewhere than on this machine


def read_content(path: str, backend_args: dict | None = None) -> bytes | None:
    """All bytes of a file; None where a backend (LMDB) has no such key."""
    if is_plain(path, backend_args):
        return Path(path).read_bytes()
    from mmengine import fileio

    return fileio.get(path, backend_args=backend_args)


def local_copy(path: str, backend_args: dict | None = None) -> AbstractContextManager[str]:
    """A context that gives a local path of a file: its own, or that of a copy for as long as the context lasts."""
    if is_plain(path, backend_args):
        return nullcontext(path)
    from mmengine import fileio

    return fileio.get_local_path(path, backend_args=backend_args)
