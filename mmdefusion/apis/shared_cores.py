"""Divides the cores of a CPU among threads that each run a network."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

import torch

LOCK = Lock()
users = 0  # calls that share cores now
own = 0  # threads of torch's operations before the first of them


@contextmanager
def shared_cores(workers: int) -> Iterator[None]:
    """Gives torch's operations a share of the cores, in this thread and in those that are started inside.

    The number belongs to the process, so calls that overlap agree on what it was before the first of them, and each
    leaves with that.
    """
    global users, own
    with LOCK:
        own = own if users else torch.get_num_threads()
        users += 1
        torch.set_num_threads(max(1, own // workers))
    try:
        yield
    finally:
        with LOCK:
            users -= 1
            torch.set_num_threads(own)
