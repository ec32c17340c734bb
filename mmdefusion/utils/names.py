"""Names of files in what people read: a name may hold anything, and must not write to the terminal by itself."""

import unicodedata
from collections.abc import Iterable
from itertools import islice


def shown(text: object) -> str:
    r"""A name, or a line with names, whose characters can all be printed.

    Control characters (which move a terminal's cursor), marks that turn text around, and bytes that are no UTF-8 become
    escapes such as ``\x1b``.
    """
    text = str(text)
    if text.isprintable():
        return text
    return ''.join(one if one.isprintable() else one.encode('unicode_escape').decode() for one in text)


def some(names: Iterable[str], most: int = 8) -> str:
    """The first of many names that a file chooses, as a line that can be printed."""
    first = list(islice(names, most + 1))
    return ', '.join([*(shown(name)[:100] for name in first[:most]), *(['...'] if len(first) > most else [])])


def check_utf8(path: object) -> None:
    """Raises a ValueError if a path is no UTF-8: OpenCV's readers and writers of videos end the whole process then."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise ValueError(f'{shown(path)}: its name is no UTF-8: rename it.') from None


def composed(name: str) -> str:
    """A name with one character for a letter and its accent (NFC), as two systems may write it differently.

    Archives made on macOS have names of letters with marks behind them (NFD), which look the same.
    """
    return name if name.isascii() else unicodedata.normalize('NFC', name)
