"""The fused images that some models read instead of visible images, as the literature compares fusion methods."""

import numpy as np

from mmdefusion.inference.sources import Item

from .fusion_inferencer import FusionInferencer


class FusedInput:
    """Fuses pairs for networks, not for people: nothing is raised or restored (``target='off'``).

    Args:
        device: device of the network that fuses; None takes the best one available.
    """

    def __init__(self, device: str | None = None) -> None:
        self.fuser = FusionInferencer(target='off', device=device, show_progress=False)

    def __call__(self, item: Item, resize: bool = False) -> np.ndarray:
        """The fused image of a pair, H×W×3 BGR uint8, in the size of the visible image.

        Args:
            item: the pair; a single image stays as it is.
            resize: whether the infrared image may be resized.

        Raises:
            OSError: if a file does not exist.
            ValueError: if an image cannot be read, or the sizes differ.
        """
        pair = Item(item.name, tuple(item.read(fourth_channel=True)), item.series)
        return self.fuser.fuse(pair, resize=resize).images['fused']
