"""Where sliding windows lie, and how their results fade into each other."""

from typing import NamedTuple

import numpy as np

Sides = tuple[int, int]  # height and width


class WindowLayout(NamedTuple):
    """Overlapping windows of one size that cover an image."""

    size: Sides  #: of a window
    corners: list[Sides]  #: y and x of the upper left corner of each
    fade: np.ndarray  #: weights of a window's pixels, height×width

    @classmethod
    def over(cls, image: Sides, size: Sides, overlap: Sides) -> 'WindowLayout':
        """Spreads windows evenly over an image.

        Args:
            image: height and width of the image.
            size: those of a window; smaller images have smaller ones.
            overlap: least overlap of neighbours, over which they fade into each other.
        """
        size = min(size[0], image[0]), min(size[1], image[1])
        rows, columns = map(starts, image, size, overlap)
        fade = fade_in(size[0], overlap[0])[:, None] * fade_in(size[1], overlap[1])
        return cls(size, [(y, x) for y in rows for x in columns], fade)

    def batches(self, count: int) -> list[list[tuple[slice, slice]]]:
        """The rows and columns of each window, at most ``count`` at a time."""
        places = [(slice(y, y + self.size[0]), slice(x, x + self.size[1])) for y, x in self.corners]
        return [places[first : first + count] for first in range(0, len(places), count)]


def starts(length: int, size: int, overlap: int) -> list[int]:
    """Evenly spaced starts of windows whose neighbours overlap by at least ``overlap``."""
    if length <= size:
        return [0]
    count = -(-(length - size) // (size - overlap)) + 1
    return [round(k * (length - size) / (count - 1)) for k in range(count)]


def fade_in(size: int, overlap: int) -> np.ndarray:
    """Weights along one side: a raised cosine over the overlap, 1 between."""
    place = np.arange(size, dtype=np.float32) + 0.5
    edge = np.minimum(place, size - place).clip(max=overlap) / overlap
    return np.sin(edge * np.float32(np.pi / 2)) ** 2
