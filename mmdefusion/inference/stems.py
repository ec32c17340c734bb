"""Matches the files of several folders by name."""

import os
import sys
import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from mmdefusion.utils.image_headers import IMAGE_SUFFIXES
from mmdefusion.utils.names import composed

NAMED = 10  # files that an error lists per folder


class UnmatchedFiles(ValueError):
    """Files of one folder have no partner in another."""


def list_images(folder: str | os.PathLike, suffix: str = '') -> dict[str, str]:
    """Lists the images in a folder and below, by relative path without ``suffix`` and extension.

    Args:
        folder: the folder, searched recursively.
        suffix: how names end before the extension, such as '_A', in any form of Unicode; files with other names are
            left out.

    Returns:
        Path of each file by its name.

    Raises:
        FileNotFoundError: if there is no such folder.
        ValueError: if it has no image, or two files differ in their extension only.
    """
    root = Path(folder)
    return {name: _path(root, name, end) for name, end in _list_ends(root, suffix).items()}


def _list_ends(root: Path, suffix: str) -> dict[str, str]:
    """Suffix and extension of the images in a folder and below, as the folder writes them, by name."""
    if not root.is_dir():
        raise FileNotFoundError(f'{root} is not a folder.')
    found: dict[str, str] = {}
    accented: dict[str, str] = {}  # names by their composed form
    for relative in _list_files(str(root)):
        stem, extension = os.path.splitext(relative)
        if extension.lower() not in IMAGE_SUFFIXES or (name := _cut(stem, suffix)) is None:
            continue
        end = relative[len(name) :]
        if not name or name.endswith('/'):
            raise ValueError(f'{_path(root, name, end)} has no name before {suffix}: rename it.')
        same = name if name.isascii() else accented.setdefault(composed(name), name)
        if same in found:
            first, second = _path(root, same, found[same]), _path(root, name, end)
            other = os.path.splitext(same + found[same])[0]
            written = '' if other == stem else f', written in two forms of Unicode ({other!a} and {stem!a})'
            raise ValueError(f'{first} and {second} have the same name{written}: keep one of them.')
        found[name] = sys.intern(end)
    if not found:
        raise ValueError(f'{root} has no image{f" that ends with {suffix}" if suffix else ""} in it or below.')
    return found


def _path(root: Path, name: str, end: str) -> str:
    """The path of an image, without a folder before it if ``root`` is the current one."""
    return os.path.join('' if str(root) == '.' else root, *f'{name}{end}'.split('/'))


def _list_files(folder: str, above: str = '') -> Iterator[str]:
    """The files in a folder and below that are not hidden, with their folders before them, in the order of names.

    Linked folders are not entered. What is hidden is unfinished, thrown away, or of use to a program only.
    """
    try:
        with os.scandir(folder) as found:  # objects of pathlib take ten times as long
            entries = sorted(found, key=lambda entry: entry.name)
    except PermissionError:
        warnings.warn(f'{folder} may not be read, so what lies in it is left out.', stacklevel=2)
        return
    for entry in entries:
        if entry.name.startswith('.'):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _list_files(entry.path, f'{above}{entry.name}/')
        elif entry.is_file():
            yield above + entry.name


class MatchedFiles(Mapping[str, tuple[str, ...]]):
    """Paths of the files of one name, one for each folder, by name and in the order of names.

    Paths are put together when they are asked for: memory holds the names only.

    Args:
        roots: the folders.
        ends: suffix and extension of the files, one for each folder, by name.
        spellings: how each folder writes names that the first one writes in another form of Unicode.
    """

    def __init__(
        self,
        roots: Sequence[str | os.PathLike],
        ends: dict[str, tuple[str, ...]],
        spellings: Sequence[dict[str, str]],
    ) -> None:
        self._places = list(zip(map(Path, roots), spellings, strict=True))
        self._ends = ends

    def __getitem__(self, name: str) -> tuple[str, ...]:
        places = zip(self._places, self._ends[name], strict=True)
        return tuple(_path(root, own.get(name, name), end) for (root, own), end in places)

    def __iter__(self) -> Iterator[str]:
        return iter(self._ends)

    def __len__(self) -> int:
        return len(self._ends)


def match_stems(
    folders: Sequence[str | os.PathLike],
    suffixes: Sequence[str] = (),
    ignored: Sequence[str] = (),
    skip_unmatched: bool = False,
) -> MatchedFiles:
    """Matches the files that have the same name in all folders, in whatever form of Unicode: those of the first count.

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
    listed = [_list_ends(Path(folder), suffix) for folder, suffix in zip(folders, suffixes, strict=True)]
    listed = [_without(files, ignored) for files in listed]
    spellings = [_spelled_alike(listed[0], files) for files in listed]
    first, *others = listed
    shared = set(first).intersection(*others)
    if skip_unmatched and shared:
        if loose := set().union(*listed) - shared:
            warnings.warn(f'{len(loose)} names lack a partner and are left out{some_names(loose)}.', stacklevel=3)
        return _join(folders, listed, spellings, shared)
    for folder, other in zip(folders[1:], others, strict=True):
        here, there = first.keys() - other.keys(), other.keys() - first.keys()
        if here or there:
            alone = [
                f'{len(names)} only in {where}{some_names(names)}'
                for where, names in ((folders[0], here), (folder, there))
                if names
            ]
            ends = '' if any(suffixes) else ", or say how names end (suffixes: ('_rgb', '_ir'), --suffixes _rgb _ir)"
            raise UnmatchedFiles(f'The file names do not match: {"; ".join(alone)}. Rename or remove them{ends}.')
    return _join(folders, listed, spellings, first)


def _join(
    folders: Sequence[str | os.PathLike],
    listed: Sequence[dict[str, str]],
    spellings: Sequence[dict[str, str]],
    names: Iterable[str],
) -> MatchedFiles:
    """The files of these names, which all folders have."""
    kinds: dict[tuple[str, ...], tuple[str, ...]] = {}  # one object for all names with the same ends
    found = ((name, tuple(files[name] for files in listed)) for name in sorted(names))
    return MatchedFiles(folders, {name: kinds.setdefault(ends, ends) for name, ends in found}, spellings)


def _spelled_alike(first: Collection[str], files: dict[str, str]) -> dict[str, str]:
    """Renames files as the first folder writes their names; returns the folder's own names of those by the new ones."""
    forms = {composed(name): name for name in first if not name.isascii()}
    others = [(name, forms.get(composed(name), name)) for name in files if not name.isascii()]
    own = {new: name for name, new in others if new != name}
    for new, name in own.items():
        files[new] = files.pop(name)
    return own


def _without(files: dict[str, str], endings: Sequence[str]) -> dict[str, str]:
    """The files without those that have an ending, where the file without it is among them."""
    known = set(map(composed, files)) if endings else set()

    def ignored(name: str) -> bool:
        return any(cut and composed(cut) in known for cut in (_cut(name, ending) for ending in endings))

    return {name: end for name, end in files.items() if not ignored(name)}


def _cut(name: str, ending: str) -> str | None:
    """The name, as it is written, without the ending in any form of Unicode; None if it has another ending."""
    if ending.isascii():
        return name.removesuffix(ending) if name.endswith(ending) else None
    wanted = composed(ending)
    return next((name[:place] for place in range(len(name)) if composed(name[place:]) == wanted), None)


def some_names(names: Collection[str]) -> str:
    """The first ten names in brackets, for an error message; empty if there are none."""
    if not names:
        return ''
    return f' ({", ".join(sorted(names)[:NAMED])}{", ..." if len(names) > NAMED else ""})'
