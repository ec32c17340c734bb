"""Finds the files of quoted globs, and tells which of them belong together."""

import glob
import os
import re
import warnings
from collections.abc import Sequence

from mmdefusion.utils.names import composed

SKIP = 'leave out files without a partner with skip_unmatched=True (--skip-unmatched)'
NUMBER = re.compile('([0-9]+)')


def is_glob(source: str | os.PathLike) -> bool:
    """Whether a path is a pattern, and neither an address nor the name of a file."""
    return glob.has_magic(os.fspath(source)) and '://' not in os.fspath(source) and not os.path.exists(source)


def find_files(pattern: str | os.PathLike) -> list[str]:
    """The files of a pattern in the order of their names; folders that exist by that very name are no pattern.

    Raises:
        FileNotFoundError: if there is none.
    """
    path = folder = os.fspath(pattern)
    while folder and not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    found = glob.glob(glob.escape(folder) + path[len(folder) :], recursive=True)
    if not found:
        raise FileNotFoundError(f'No file matches {pattern}.')
    return sorted(found, key=lambda name: (composed(name), name))


def match_globs(
    patterns: Sequence[str | os.PathLike], lists: Sequence[list[str]], names: Sequence[list[str]], skip: bool
) -> list[list[str]]:
    """Lists that can be matched by position; with ``skip`` only files that have the same name in all lists.

    Args:
        patterns: the globs.
        lists: the files of each, in the order of their names.
        names: of these files.
        skip: whether to leave out files without a partner.

    Raises:
        ValueError: if two files of a list have one name, or some names have no partner and the order is not that of the
            others, or files of one place have other numbers, which are those of files of another place, or the order
            of the files is not clear, or with ``skip`` if none has a partner.
    """
    named = [_by_name(files, its) for files, its in zip(lists, names, strict=True)]
    shared = [name for name in named[0] if all(name in other for other in named[1:])]
    loose = sorted(set().union(*named) - set(shared))
    if skip and not shared:
        raise ValueError(
            f'No file of {" and ".join(map(str, patterns))} has a partner of the same name, first {loose[0]}: rename '
            'them, or pair them by their order without skip_unmatched (--skip-unmatched).'
        )
    if skip:
        if loose:
            warnings.warn(f'{len(loose)} names lack a partner and are left out, first {loose[0]}.', stacklevel=4)
        return [[files[name] for name in shared] for files in named]
    if len({len(files) for files in named}) > 1:
        return list(lists)  # the caller says how many there are
    if not loose:  # the orders of whole paths may differ: other extensions, or folders
        return [[files[name] for name in named[0]] for files in named]
    named = _in_order_of_numbers(named)
    places = [{name: place for place, name in enumerate(files)} for files in named]
    if any(len({place[name] for place in places}) > 1 for name in shared):
        raise ValueError(
            f'{len(loose)} names of {" and ".join(map(str, patterns))} lack a partner, first {loose[0]}, so that pairs '
            f'by place would be wrong: rename or add files, {SKIP}.'
        )
    _refuse_other_numbers(named)
    return [list(files.values()) for files in named]


def _by_name(files: Sequence[str], names: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for file, name in zip(files, map(composed, names), strict=True):
        if name in found:
            raise ValueError(f'{found[name]} and {file} have the same name: keep one of them.')
        found[name] = file
    return found


def _in_order_of_numbers(named: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    """The files as they are where 10 comes before 2 in all lists or in none, else in the order of numbers.

    Raises:
        ValueError: if the order of letters and that of numbers make other pairs, and the numbers of pairs differ.
    """
    ordered = [sorted(files, key=_with_numbers) for files in named]
    orders = []
    for files, names in zip(named, ordered, strict=True):
        places = {name: place for place, name in enumerate(files)}
        orders.append([places[name] for name in names])
    if all(order == orders[0] for order in orders):
        return list(named)
    counted = [_varying_numbers(names) for names in ordered]
    for names, numbers in zip(zip(*ordered, strict=True), zip(*counted, strict=True), strict=True):
        if any(one != numbers[0] for one in numbers):
            first, second = (files[name] for files, name in zip(named[:2], names[:2], strict=True))
            raise ValueError(
                f'The order of names is not that of their numbers, so that it is not clear whether {first} belongs to '
                f'{second}: write numbers with as many digits everywhere (01, 02, ... 10), or give lists.'
            )
    return [{name: files[name] for name in names} for files, names in zip(named, ordered, strict=True)]


def _refuse_other_numbers(named: Sequence[dict[str, str]]) -> None:
    """Raises a ValueError if files of one place have different numbers, which other files have at another place.

    Each list then lacks files that another one has. Lists that are numbered each in its own way are paired by place,
    also where some numbers are the same by chance (time stamps of two clocks), or one of several numbers in a name
    makes the same pairs.
    """
    counted = [_varying_numbers(list(files)) for files in named]
    if not set(counted[0]).intersection(*counted[1:]) or not _tell_other_pairs(counted):
        return
    placed = zip(*(files.values() for files in named), strict=True)
    for files, numbers in zip(placed, zip(*counted, strict=True), strict=True):
        if any(one != numbers[0] for one in numbers):
            raise ValueError(
                f'{files[0]} and {files[1]} have other numbers, so that pairs by place would be wrong: give lists, or '
                'folders with the endings that tell their files apart (suffixes, --suffixes), and leave out files '
                'without a partner with skip_unmatched=True (--skip-unmatched).'
            )


def _tell_other_pairs(lists: Sequence[Sequence[tuple[int, ...]]]) -> bool:
    """Whether the numbers in names, whole or one by one, belong to other pairs than those of the same place."""
    if len({len(numbers) for one in lists for numbers in one}) > 1:
        return _is_moved(lists)
    columns = [list(zip(*one, strict=True)) for one in lists]  # of each list, as a frame and a time stamp
    numbers = list(zip(*columns, strict=True))
    agreeing = [first for first, *others in numbers if all(other == first for other in others)]
    count = len(lists[0])
    if len(set(zip(*agreeing, strict=True))) == count:
        return False
    # a number that several files share, such as a camera's, tells none of them
    telling = [lists, *(column for column in numbers if all(len(set(one)) == count for one in column))]
    return any(map(_is_moved, telling))


def _is_moved(lists: Sequence[Sequence[object]]) -> bool:
    """Whether what one list has at a place is not at this place, but elsewhere in another list."""
    contents = [set(one) for one in lists]
    for values in zip(*lists, strict=True):
        for other, content in zip(values, contents, strict=True):
            if any(value != other and value in content for value in values):
                return True
    return False


def _with_numbers(name: str) -> tuple[list[str | int], str]:
    """A key that sorts frame2 before frame10; every second part is a number, so that like is compared with like."""
    return [int(part) if place % 2 else part for place, part in enumerate(NUMBER.split(name))], name


def _varying_numbers(names: Sequence[str]) -> list[tuple[int, ...]]:
    """The numbers in each name, without those that all names have at that place (a date, say)."""
    found = [tuple(map(int, NUMBER.findall(name))) for name in names]
    if len({len(numbers) for numbers in found}) > 1:
        return found
    varying = [place for place, numbers in enumerate(zip(*found, strict=True)) if len(set(numbers)) > 1]
    return [tuple(numbers[place] for place in varying) for numbers in found]
