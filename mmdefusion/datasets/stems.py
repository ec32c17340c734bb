"""Which files of several folders belong together."""

import os
import warnings
from collections.abc import Collection, Sequence
from pathlib import Path

from mmdefusion.utils.image_headers import IMAGE_SUFFIXES

NAMED = 10  # files that an error lists on either side


class UnmatchedFiles(ValueError):
    """Files of one folder are not in the other."""


def list_images(folder: str | os.PathLike, suffix: str = '') -> dict[str, str]:
    """Files in ``folder`` and below by their relative path without extension, and without ``suffix`` before it.

    Args:
        folder: searched recursively.
        suffix: what the names end with before the extension, such as '_A'; others are left out.

    Raises:
        FileNotFoundError: if there is no such folder.
        ValueError: if there is nothing in it, or two files have the same name but for the extension.
    """
    root = Path(folder)
    if not root.is_dir():
        raise FileNotFoundError(f'{root} is no folder.')
    found: dict[str, str] = {}
    for path in sorted(root.rglob('*')):
        hidden = path.name.startswith('.')  # unfinished, or another system's notes
        if hidden or path.suffix.lower() not in IMAGE_SUFFIXES or not path.stem.endswith(suffix) or not path.is_file():
            continue
        relative = path.relative_to(root)
        name = relative.with_name(path.stem[: len(path.stem) - len(suffix)]).as_posix()
        if name in found:
            raise ValueError(f'{found[name]} and {path} have the same name: keep one of them.')
        found[name] = str(path)
    if not found:
        raise ValueError(f'{root} has no image{f" that ends with {suffix}" if suffix else ""} in it or below.')
    return found


def match_stems(
    folders: Sequence[str | os.PathLike],
    suffixes: Sequence[str] = (),
    ignored: Sequence[str] = (),
    skip_unmatched: bool = False,
) -> dict[str, tuple[str, ...]]:
    """The files of the same name in all folders, by name.

    Args:
        folders: two or more; the same one twice where ``suffixes`` tell the files apart.
        suffixes: of the names in each folder, as in :func:`list_images`.
        ignored: endings of names that are left out where the name without it is there.
        skip_unmatched: leave out, with a warning, files that are not in all folders.

    Raises:
        FileNotFoundError: if a folder is not there.
        UnmatchedFiles: if a file has no partner (the message lists the first ten on either side), or none has one.
    """
    suffixes = suffixes or [''] * len(folders)
    if len(suffixes) != len(folders):
        raise ValueError(f'There are {len(folders)} folders and {len(suffixes)} suffixes: give one for each.')
    listed = [list_images(folder, suffix) for folder, suffix in zip(folders, suffixes, strict=True)]
    listed = [
        {name: path for name, path in files.items() if not any(_cut(name, end) in files for end in ignored)}
        for files in listed
    ]
    first, *others = listed
    shared = set(first).intersection(*others)
    if skip_unmatched and shared:
        if loose := set().union(*listed) - shared:
            warnings.warn(f'{len(loose)} names lack a partner and are left out{some_names(loose)}.', stacklevel=3)
        return {name: tuple(files[name] for files in listed) for name in sorted(shared)}
    for folder, other in zip(folders[1:], others, strict=True):
        here, there = first.keys() - other.keys(), other.keys() - first.keys()
        if here or there:
            raise UnmatchedFiles(
                f'The file names do not match: {len(here)} only in {folders[0]}{some_names(here)}; '
                f'{len(there)} only in {folder}{some_names(there)}. Rename or remove them.'
            )
    return {name: tuple(files[name] for files in listed) for name in sorted(first)}


def _cut(name: str, end: str) -> str | None:
    """The name without its end, if it has it."""
    return name.removesuffix(end) if name.endswith(end) else None


def some_names(names: Collection[str]) -> str:
    """The first ten of a list of names in brackets, for an error; nothing for none."""
    if not names:
        return ''
    return f' ({", ".join(sorted(names)[:NAMED])}{", ..." if len(names) > NAMED else ""})'
