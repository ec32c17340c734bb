"""Options of commands, without imports that ``--help`` would wait for."""

import argparse
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from .names import shown


def present_file(text: str) -> str:
    """The type of an argument that names a file.

    Raises:
        ArgumentTypeError: if there is none; argparse prints its line.
    """
    if not os.path.isfile(text):
        raise argparse.ArgumentTypeError(f'{text} is not there.')
    return text


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
