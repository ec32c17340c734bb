"""Matches the files of several folders by name."""

import os
import warnings
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from mmdefusion.utils.image_headers import IMAGE_SUFFIXES

NAMED = 10  # files that an error lists per folder


class UnmatchedFiles(ValueError):
    """Files of one folder have no partner in another."""


def list_images(folder: str | os.PathLike, suffix: str = '') -> dict[str, str]:
    """Lists the images in a folder and below, by relative path without ``suffix`` and extension.

    Args:
        folder: the folder, searched recursively.
        suffix: how names end before the extension, such as '_A'; files with other names are left out.

        Returns:
            Path of each file by its name.

    Raises:
        FileNotFoundError: if there is no such folder.
        ValueError: if it has no image, or two files differ in their extension only.
    """
    root = Path(folder)
    if not root.is_dir():
        raise FileNotFoundError(f'{root} is not a folder.')
    found: dict[str, str] = {}
    for relative in _list_files(str(root)):
        stem, extension = os.path.splitext(relative)
        if extension.lower() not in IMAGE_SUFFIXES or not stem.endswith(suffix):
            continue
        path = os.path.join('' if str(root) == '.' else root, *relative.split('/'))
        name = stem[: len(stem) - len(suffix)]
        if not name or name.endswith('/'):
            raise ValueError(f'{path} has no name before {suffix}: rename it.')
        if name in found:
            raise ValueError(f'{found[name]} and {path} have the same name: keep one of them.')
        found[name] = path
    if not found:
        raise ValueError(f'{root} has no image{f" that ends with {suffix}" if suffix else ""} in it or below.')
    return found


def _list_files(folder: str, above: str = '') -> Iterator[str]:
    """The files in a folder and below that are not hidden, with their folders before them, in the order of names.

    Linked folders are not entered. Hidden files are unfinished ones, and notes of other operating systems.
    """
    try:
        with os.scandir(folder) as found:  # objects of pathlib take ten times as long
            entries = sorted(found, key=lambda entry: entry.name)
    except PermissionError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _list_files(entry.path, f'{above}{entry.name}/')
        elif not entry.name.startswith('.') and entry.is_file():
            yield above + entry.name


def match_stems(
    folders: Sequence[str | os.PathLike],
    suffixes: Sequence[str] = (),
    ignored: Sequence[str] = (),
    skip_unmatched: bool = False,
) -> dict[str, tuple[str, ...]]:
    """Matches the files that have the same name in all folders.

    Args:
        folders: two or more folders; the same folder may appear twice if ``suffixes`` tell the files apart.
        suffixes: one suffix for each folder, as in :func:`list_images`.
        ignored: endings of names, such as '_mask'. A file with such an ending is left out if the file without it
            exists.
        skip_unmatched: whether to leave out files that are not in all folders, with a warning.

        Returns:
            The paths, one for each folder, by name.

    Raises:
        FileNotFoundError: if a folder does not exist.
        UnmatchedFiles: if a file has no partner (the message lists the first ten of each folder), or none has one.
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
    """The name without the ending, or None if it has another ending."""
    return name.removesuffix(end) if name.endswith(end) else None


def some_names(names: Collection[str]) -> str:
    """The first ten names in brackets, for an error message; empty if there are none."""
    if not names:
        return ''
    return f' ({", ".join(sorted(names)[:NAMED])}{", ..." if len(names) > NAMED else ""})'
