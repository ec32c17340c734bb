"""Divides work over processes and machines that do not know of each other."""

import re
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar('T')


def take_shard(items: Sequence[T], shard: str | None) -> Sequence[T]:
    """Every n-th item from the i-th on; the n shards together are all items, once each.

    Args:
        items: all items, in the same order in every process.
        shard: ``'i/n'`` with i from 1 to n; None takes all.

    Raises:
        ValueError: if ``shard`` is something else.
    """
    if shard is None:
        return items
    found = re.fullmatch(r'(\d{1,9})/(\d{1,9})', shard)
    index, count = map(int, found.groups()) if found else (0, 0)
    if not 1 <= index <= count:
        raise ValueError(f'shard={shard!r} must be i/n with i from 1 to n, such as 1/4.')
    return items[index - 1 :: count]
