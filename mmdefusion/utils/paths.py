"""Where the package lies, and safe paths from names that come out of files."""

import os
import re
from collections.abc import Collection, Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath

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


def all_inside(
    folder: str | os.PathLike, names: Sequence[str], suffix: str, taken: Collection[Path] = ()
) -> list[Path]:
    """The paths of files below ``folder``, one for each name, as :func:`inside` makes them.

    Raises:
        ValueError: as :func:`inside` does, and if two names, or a name and one of ``taken``, lead to one file.
    """
    paths = [inside(folder, name, suffix) for name in names]
    writers = {path.resolve(): path.name for path in taken}
    for path, name in zip(paths, names, strict=True):
        resolved = path.resolve()
        if resolved in writers:
            other = writers[resolved]
            raise ValueError(f'{other!r} and {name!r} would both be written to {path}: rename one or leave it out.')
        writers[resolved] = name
    return paths


def without_suffix(name: str) -> str:
    """A relative name without its extension: ``a.b/c.jpg`` becomes ``a.b/c``, ``a.b/c`` stays."""
    return os.path.splitext(name)[0]
