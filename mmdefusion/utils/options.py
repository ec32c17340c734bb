"""Options of commands, without imports that ``--help`` would wait for."""

import argparse
import os
import re
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from .names import shown


def present_file(text: str) -> str:
    """The type of an argument that names a file.

    Raises:
        ArgumentTypeError: if there is none; argparse prints its line.
    """
    if not os.path.isfile(text):
        raise argparse.ArgumentTypeError(f'{text} is not there.')
    return text


class Size(NamedTuple):
    """Width and height in pixels, as commands take them: ``640x512``."""

    width: int
    height: int

    def __str__(self) -> str:
        return f'{self.width}x{self.height}'

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width, as arrays have them."""
        return self.height, self.width


def size(text: str) -> Size:
    """The type of an argument that is a size. Two numbers are refused, as half of all people write the height first.

    Raises:
        ArgumentTypeError: if it has another form; argparse prints its line.
    """
    if not (found := re.fullmatch(r'([1-9]\d{0,5})x([1-9]\d{0,5})', text, re.ASCII)):
        raise argparse.ArgumentTypeError(f'{text} is no size: give width and height as one word, such as 640x512.')
    return Size(*map(int, found.groups()))


def side_or_size(text: str) -> Size:
    """The type of an argument that is a size, or the side of a square; raises as :func:`size` does."""
    return size(f'{text}x{text}' if text.isascii() and text.isdecimal() else text)


def warn_in_a_line() -> None:
    """Lets Python print warnings as lines, without the place in the code, which says nothing to a user."""
    warnings.formatwarning = lambda message, *_: f'{shown(message)}\n'


@contextmanager
def absent_in_a_line() -> Iterator[None]:
    """Ends a command with the line that names the file, where one is not there that a config or its data speak of.

    Raises:
        SystemExit: with that line.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise SystemExit(shown(error)) from None


@contextmanager
def interrupted_in_a_line(remedy: str = '') -> Iterator[None]:
    """Ends a command with a line, and not with a traceback, where somebody presses Ctrl-C.

    Args:
        remedy: what the line says besides.

    Raises:
        SystemExit: with status 130, as shells have it.
    """
    try:
        yield
    except KeyboardInterrupt:
        print(f'\nInterrupted{f": {remedy}" if remedy else ""}.', file=sys.stderr, flush=True)
        raise SystemExit(130) from None


class Settings(argparse.Action):
    """MMEngine's DictAction (``key.sub=value``), which is imported when the option is given."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        from mmengine.config import DictAction

        DictAction(self.option_strings, self.dest, nargs=self.nargs)(parser, namespace, values, option_string)
