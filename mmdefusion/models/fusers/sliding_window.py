"""Sliding windows: runs a network that was trained at one size on images of any size."""

from collections.abc import Callable

import torch
from torch import Tensor

from mmdefusion.registry import MODELS
from mmdefusion.rules.sliding_windows import WindowLayout

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
        windows = WindowLayout.over((height, width), (self.size,) * 2, (self.overlap,) * 2)
        fade = torch.from_numpy(windows.fade).to(pair.a)
        total, weight = None, pair.a.new_zeros(height, width)
        for places in windows.batches(self.batch_size):
            cut = Pair(*(torch.stack([image[(slice(None), *place)] for place in places]) for image in pair))
            for place, images in zip(places, network(cut), strict=True):
                if total is None:
                    total = images.new_zeros(*images.shape[:2], height, width)
                total[(..., *place)] += images * fade
                weight[place] += fade
        return total.div_(weight)
