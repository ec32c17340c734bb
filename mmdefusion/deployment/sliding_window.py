"""Sliding windows for exported networks, which read arrays."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mmdefusion.rules.patches import PATCH_SIZE
from mmdefusion.rules.sliding_windows import WindowLayout

Network = Callable[[np.ndarray, np.ndarray], np.ndarray]  # two times B×h×w×C to B×K×h×w×C


@dataclass(frozen=True)
class SlidingWindow:
    """:class:`mmdefusion.models.fusers.SlidingWindow` for arrays; windows need not be square.

    Attributes:
        height, width: size of a window in pixels, each a multiple of the patch.
        whole_below: images with fewer pixels than this are not cut; 0 cuts all.
        batch_size: windows per batch.
        overlap: smallest overlap of neighbouring windows in pixels; None takes a quarter of the window.

    Raises:
        ValueError: if a window is no multiple of the patch, or ``batch_size`` or ``overlap`` is out of range.
    """

    height: int = 224
    width: int = 224
    whole_below: int = 2**16
    batch_size: int = 4
    overlap: int | None = None

    def __post_init__(self) -> None:
        if min(self.height, self.width) < PATCH_SIZE or self.height % PATCH_SIZE or self.width % PATCH_SIZE:
            raise ValueError(
                f'A window of {self.width}x{self.height} must be a multiple of {PATCH_SIZE} wide and high.'
            )
        if self.batch_size < 1:
            raise ValueError(f'batch_size={self.batch_size} windows must be at least 1.')
        if self.overlap is not None and not 0 < self.overlap <= min(self.height, self.width) // 2:
            raise ValueError(f'overlap={self.overlap} must be at least 1 and at most half of a window.')

    @classmethod
    def square(
        cls, size: int = 224, overlap: int | None = None, whole_below: int = 2**16, batch_size: int = 4
    ) -> 'SlidingWindow':
        """Windows by the arguments of :class:`mmdefusion.models.fusers.SlidingWindow`."""
        return cls(size, size, whole_below, batch_size, overlap)

    def __call__(self, network: Network, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Applies ``network`` to two images H×W×C and returns K×H×W×C."""
        height, width = a.shape[:2]
        if height * width < self.whole_below:
            return network(a[None], b[None])[0]
        size = self.height, self.width
        overlaps = [side // 4 if self.overlap is None else self.overlap for side in size]
        windows = WindowLayout.over((height, width), size, tuple(overlaps))
        fade, total, weight = windows.fade[..., None], None, np.zeros((height, width, 1), np.float32)
        for places in windows.batches(self.batch_size):
            found = network(*(np.stack([image[place] for place in places]) for image in (a, b)))
            for place, images in zip(places, found, strict=True):
                if total is None:
                    total = np.zeros((len(images), height, width, images.shape[-1]), np.float32)
                total[(slice(None), *place)] += images * fade
                weight[place] += fade
        return total / weight
