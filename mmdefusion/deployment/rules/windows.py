"""SlidingWindow in NumPy: runs a network that was trained at one size on images of any size."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mmdefusion.rules.detail import PATCH

Network = Callable[[np.ndarray, np.ndarray], np.ndarray]  # two times B×h×w×C to B×K×h×w×C


@dataclass(frozen=True)
class SlidingWindow:
    """Runs a network on the whole image, or on overlapping windows whose results fade into each other.

    Attributes:
        height, width: size of a window in pixels, each a multiple of the patch.
        whole_below: images with fewer pixels than this are not cut; 0 cuts all.
        batch_size: windows per batch.

    Raises:
        ValueError: if a window is no multiple of the patch, or ``batch_size`` less than 1.
    """

    height: int = 224
    width: int = 224
    whole_below: int = 2**16
    batch_size: int = 4

    def __post_init__(self) -> None:
        if min(self.height, self.width) < PATCH or self.height % PATCH or self.width % PATCH:
            raise ValueError(f'A window of {self.width}x{self.height} must be a multiple of {PATCH} wide and high.')
        if self.batch_size < 1:
            raise ValueError(f'batch_size={self.batch_size} windows must be at least 1.')

    def __call__(self, network: Network, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Applies ``network`` to two images H×W×C and returns K×H×W×C."""
        height, width = a.shape[:2]
        if height * width < self.whole_below:
            return network(a[None], b[None])[0]
        size = min(self.height, height), min(self.width, width)
        rows, columns = starts(height, size[0], self.height // 4), starts(width, size[1], self.width // 4)
        corners = [(y, x) for y in rows for x in columns]
        fade = (fade_in(size[0], self.height // 4)[:, None] * fade_in(size[1], self.width // 4))[..., None]
        total, weight = None, np.zeros((height, width, 1), np.float32)
        for first in range(0, len(corners), self.batch_size):
            places = [
                (slice(y, y + size[0]), slice(x, x + size[1])) for y, x in corners[first : first + self.batch_size]
            ]
            found = network(*(np.stack([image[place] for place in places]) for image in (a, b)))
            for place, images in zip(places, found, strict=True):
                if total is None:
                    total = np.zeros((len(images), height, width, images.shape[-1]), np.float32)
                total[(slice(None), *place)] += images * fade
                weight[place] += fade
        return total / weight


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
    return np.sin(edge * np.pi / 2) ** 2
