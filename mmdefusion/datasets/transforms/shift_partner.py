"""Simulates poorly registered pairs."""

import math

import cv2
import numpy as np
from mmcv.transforms import BaseTransform

from mmdefusion.registry import TRANSFORMS

from .random_numbers import generator


@TRANSFORMS.register_module()
class ShiftPartner(BaseTransform):
    """Shifts the infrared image of a pair in a random direction; border pixels are repeated.

    In training it simulates poor registration; in tests it measures what poor registration costs. Put it after
    ``AppendPartner``; annotations stay with the visible image.

    Required and modified key: img (H×W×C, the infrared image from the fourth channel on).

    Args:
        pixels: largest shift in pixels.
        exact: whether every pair is shifted by exactly ``pixels``.
        seed: see :func:`generator`.

    Raises:
        ValueError: if ``pixels`` is negative.
    """

    def __init__(self, pixels: float, exact: bool = False, seed: int | None = None) -> None:
        if pixels < 0:
            raise ValueError(f'pixels={pixels} must be 0 or more.')
        self.pixels = pixels
        self.exact = exact
        self.seed = seed

    def transform(self, results: dict) -> dict:
        """Shifts the partner."""
        rng = generator(self.seed, results)
        length = self.pixels * (1.0 if self.exact else math.sqrt(rng.random()))  # uniform over the disc
        angle = rng.uniform(0, 2 * math.pi)
        image = results['img']
        size = image.shape[1::-1]
        move = np.array([[1, 0, length * math.cos(angle)], [0, 1, length * math.sin(angle)]])
        moved = cv2.warpAffine(np.ascontiguousarray(image[..., 3:]), move, size, borderMode=cv2.BORDER_REPLICATE)
        results['img'] = np.concatenate([image[..., :3], moved.reshape(*image.shape[:2], -1)], axis=2)
        return results

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}(pixels={self.pixels}, exact={self.exact}, seed={self.seed})'
