"""Waits for what happens elsewhere."""

import time
from collections.abc import Callable


def waited(condition: Callable[[], object]) -> bool:
    """Whether something comes true within half a minute."""
    patience = time.monotonic() + 30
    while not condition() and time.monotonic() < patience:
        time.sleep(0.05)
    return bool(condition())
