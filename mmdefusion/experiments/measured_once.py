"""Measures what a comparison needs in a process of its own, so that memory is its own, and keeps it in a file."""

from collections.abc import Callable, Sequence
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

Found = TypeVar('Found')


def measure_once(
    kept: Path, read: Callable[[], Found | None], measure: Callable[..., None], arguments: Sequence[object], what: str
) -> Found:
    """What was kept of a measurement, or what a new one keeps.

    Args:
        kept: the file, for error messages.
        read: reads it; None if it is not there or holds something else.
        measure: function of a module that measures and writes the file, in a new process.
        arguments: its arguments.
        what: what is measured, for error messages.

    Raises:
        RuntimeError: if it cannot be measured.
    """
    if (found := read()) is None:
        process = get_context('spawn').Process(target=measure, args=tuple(arguments))
        process.start()
        process.join()
        if process.exitcode:
            raise RuntimeError(f'{what} could not be measured.')
        if (found := read()) is None:
            raise RuntimeError(f'{kept} holds no measurement: delete it and run again.')
    return found
