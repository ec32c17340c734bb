"""Progress bars, shown on terminals only."""

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar('T')


def track(items: Iterable[T], description: str, total: int | None = None, show: bool = True) -> Iterator[T]:
    """Yields the items and shows a progress bar on the terminal; without a terminal nothing is printed.

    Args:
        items: the items to iterate over.
        description: the words beside the bar, such as ``'fusing'``.
        total: number of items, if ``len(items)`` is not available.
        show: False shows no bar on a terminal either.
    """
    if total is None:
        total = len(items) if hasattr(items, '__len__') else None
    with counter(description, total, show) as advance:
        for item in items:
            yield item
            advance()


@contextlib.contextmanager
def counter(description: str, total: int | None = None, show: bool = True) -> Iterator[Callable[[], None]]:
    """Yields a function that advances a progress bar by one step.

    Args:
        description: the words beside the bar.
        total: number of steps, None if it is unknown.
        show: False shows no bar on a terminal either.
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
