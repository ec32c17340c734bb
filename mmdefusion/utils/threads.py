"""Applies a function to many items in a few threads."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

T = TypeVar('T')
R = TypeVar('R')

AHEAD = 2  # items for each thread that may be begun before the first of them is asked for


def map_in_threads(function: Callable[[T], R], items: Iterable[T], workers: int) -> Iterator[R]:
    """As ``map``, with the results in order; of very many items only a few are begun ahead.

    Args:
        function: what to apply; an error in it ends the iteration where its result would be, and no item is begun
            after that.
        items: the items.
        workers: number of threads; with 1 none is started.

    Raises:
        ValueError: if ``workers`` is less than 1.
    """
    if workers < 1:
        raise ValueError(f'workers={workers} must be at least 1.')
    return map(function, items) if workers == 1 else _map(function, iter(items), workers)


def _map(function: Callable[[T], R], items: Iterator[T], workers: int) -> Iterator[R]:
    with ThreadPoolExecutor(workers) as pool:
        yield from map_in_order(pool, function, items, workers)


def map_in_order(pool: Executor, function: Callable[[T], R], items: Iterable[T], workers: int) -> Iterator[R]:
    """The same in the threads or processes of a pool, of which there are ``workers``."""
    items = iter(items)
    begun: deque[Future[R]] = deque(pool.submit(function, item) for item in islice(items, AHEAD * workers))
    try:
        while begun:
            result = begun.popleft().result()
            begun.extend(pool.submit(function, item) for item in islice(items, 1))
            yield result
    finally:
        for future in begun:
            future.cancel()
