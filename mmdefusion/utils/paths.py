"""Where the package lies, safe paths from names that come out of files, and whether a path is local."""

import os
import re
from pathlib import Path, PurePosixPath, PureWindowsPath

from mmengine import fileio
from mmengine.fileio import LocalBackend

PACKAGE = Path(__file__).resolve().parents[1]
CONFIGS = (PACKAGE.parent / 'configs', PACKAGE / '.mim/configs')  # in a checkout, in an installed package


def inside(folder: str | os.PathLike, name: str, suffix: str | None = None) -> Path:
    """The path of ``name`` below ``folder``, for writing; names that lead outside are refused.

    Args:
        folder: the folder that nothing may leave; it may be a symbolic link itself.
        name: a relative path from an annotation file or a list.
        suffix: replaces the extension of the name.

    Raises:
        ValueError: if the name is empty or absolute (on any system), climbs with ``..``, or goes through a symbolic
            link that leaves the folder.
    """
    parts = re.split(r'[\\/]', name)
    absolute = PurePosixPath(name).is_absolute() or bool(PureWindowsPath(name).anchor)
    if not name.strip('./\\ ') or '\0' in name or absolute or '..' in parts:
        raise ValueError(f'The name {name!r} would be written outside {folder}: names must be relative, without "..".')
    path = Path(folder) / (name if suffix is None else without_suffix(name) + suffix)
    if not path.resolve().is_relative_to(Path(folder).resolve()):
        raise ValueError(f'{path} leads outside {folder} by a symbolic link: remove the link.')
    return path


def is_local(path: str, backend_args: dict | None = None) -> bool:
    """Whether ``path`` is read from a file system that can be listed cheaply."""
    return isinstance(fileio.get_file_backend(path, backend_args=backend_args, enable_singleton=True), LocalBackend)


def without_suffix(name: str) -> str:
    """A relative name without its extension: ``a.b/c.jpg`` becomes ``a.b/c``, ``a.b/c`` stays."""
    return os.path.splitext(name)[0]
