"""Waits for what happens elsewhere."""

import time
from collections.abc import Callable


def waited(condition: Callable[[], object], patience: float = 30) -> bool:
    """Whether something comes true within so many seconds."""
    end = time.monotonic() + patience
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return bool(condition())
