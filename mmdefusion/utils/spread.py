"""A few of many."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

Thing = TypeVar('Thing')


def evenly_spread(things: Sequence[Thing], count: int) -> list[Thing]:
    """``count`` of the things, the first and the last among them; all of them where they are no more."""
    places = np.linspace(0, len(things) - 1, min(count, len(things)))
    return [things[round(place)] for place in places]
