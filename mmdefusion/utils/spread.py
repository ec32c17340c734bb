"""Selects evenly spaced elements of a sequence."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

Thing = TypeVar('Thing')


def evenly_spread(things: Sequence[Thing], count: int) -> list[Thing]:
    """Selects ``count`` evenly spaced elements, the first and the last included, or all if there are no more."""
    places = np.linspace(0, len(things) - 1, min(count, len(things)))
    return [things[round(place)] for place in places]
