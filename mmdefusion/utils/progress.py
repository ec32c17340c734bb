"""Progress bars: where a person looks, and nowhere else."""

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar('T')


def track(items: Iterable[T], description: str, total: int | None = None, show: bool = True) -> Iterator[T]:
    """The items one by one, with a bar on the terminal; without a terminal nothing is printed.

    Args:
        items: what is gone through.
        description: what is being done, such as ``'fusing'``.
        total: number of items, where ``len(items)`` does not say it.
        show: whether a bar is wanted at all.
    """
    if total is None:
        total = len(items) if hasattr(items, '__len__') else None
    with counter(description, total, show) as advance:
        for item in items:
            yield item
            advance()


@contextlib.contextmanager
def counter(description: str, total: int | None = None, show: bool = True) -> Iterator[Callable[[], None]]:
    """A bar that its user moves on by one at a time.

    Args:
        description: what is being done.
        total: steps in all, None where nobody knows.
        show: whether a bar is wanted at all.
    """
    if not show or not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = TextColumn('{task.description}'), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(description, total=total)
        yield lambda: progress.advance(task)
