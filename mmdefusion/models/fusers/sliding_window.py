"""Sliding windows: runs a network that was trained at one size on images of any size."""

from collections.abc import Callable

import torch
from torch import Tensor

from mmdefusion.registry import MODELS

from ..layers import PATCH_SIZE
from ..structures import Pair

Network = Callable[[Pair], Tensor]


@MODELS.register_module()
class SlidingWindow:
    """Runs a network on the whole image, or on overlapping windows whose results fade into each other.

    The cost of attention grows with the square of the number of pixels. With windows, time per pixel and memory are the
    same for images of any size.

    Args:
        size: side of a window in pixels, a multiple of 16; the network was trained at 224.
        overlap: smallest overlap of neighbouring windows in pixels, over which they fade into each other; by default a
            quarter of ``size``.
        whole_below: images with fewer pixels than this are not cut.
        batch_size: windows per batch.

    Raises:
        ValueError: if ``size``, ``overlap`` or ``batch_size`` is out of range.
    """

    def __init__(
        self, size: int = 224, overlap: int | None = None, whole_below: int = 2**16, batch_size: int = 4
    ) -> None:
        if size < PATCH_SIZE or size % PATCH_SIZE:
            raise ValueError(f'size={size} of a window must be a multiple of {PATCH_SIZE}.')
        overlap = size // 4 if overlap is None else overlap
        if not 0 < overlap <= size // 2:
            raise ValueError(f'overlap={overlap} must be at least 1 and at most half of size={size}.')
        if batch_size < 1:
            raise ValueError(f'batch_size={batch_size} windows must be at least 1.')
        self.size = size
        self.overlap = overlap
        self.whole_below = whole_below
        self.batch_size = batch_size

    def __call__(self, network: Network, pair: Pair) -> Tensor:
        """Applies ``network`` to a pair.

        Args:
            network: function from pairs B×3×h×w to B×K×C×h×w, K images for each pair.
            pair: two images 3×H×W.

        Returns:
            K×C×H×W.
        """
        height, width = pair.a.shape[-2:]
        if height * width < self.whole_below:
            return network(Pair(pair.a[None], pair.b[None]))[0]
        size = min(self.size, height), min(self.size, width)
        corners = [(y, x) for y in self._starts(height, size[0]) for x in self._starts(width, size[1])]
        fade = self._fade(size[0], pair.a)[:, None] * self._fade(size[1], pair.a)
        total, weight = None, pair.a.new_zeros(height, width)
        for first in range(0, len(corners), self.batch_size):
            chosen = corners[first : first + self.batch_size]
            places = [(..., slice(y, y + size[0]), slice(x, x + size[1])) for y, x in chosen]
            cut = Pair(*(torch.stack([image[place] for place in places]) for image in pair))
            for place, images in zip(places, network(cut), strict=True):
                if total is None:
                    total = images.new_zeros(*images.shape[:2], height, width)
                total[place] += images * fade
                weight[place] += fade
        return total.div_(weight)

    def _starts(self, length: int, size: int) -> list[int]:
        """Evenly spaced starts of windows whose neighbours overlap by at least ``overlap``."""
        if length <= size:
            return [0]
        count = -(-(length - size) // (size - self.overlap)) + 1
        return [round(k * (length - size) / (count - 1)) for k in range(count)]

    def _fade(self, size: int, like: Tensor) -> Tensor:
        """Weights along one side: a raised cosine over the overlap, 1 between."""
        place = torch.arange(size, device=like.device, dtype=like.dtype) + 0.5
        edge = torch.minimum(place, size - place).clip(max=self.overlap) / self.overlap
        return torch.sin(edge * torch.pi / 2) ** 2
