"""Square crops of images and pairs with any number of channels."""

import math

import cv2
import numpy as np
from mmcv.transforms import BaseTransform

from mmdefusion.registry import TRANSFORMS


@TRANSFORMS.register_module()
class RandomResizedCrop(BaseTransform):
    """Crops a random part of the image and resizes it to a square (Szegedy et al., Going Deeper with Convolutions).

    Both images of a pair are cropped alike, as they are channels of one array. A part smaller than the square is
    enlarged.

    Required and modified keys: img (H×W×C), img_shape.

    Args:
        size: side of the square in pixels.
        scale: smallest and largest area of the part, relative to the area of the image.
        ratio: smallest and largest width over height of the part.

    Raises:
        ValueError: if ``scale`` or ``ratio`` is no range.
    """

    def __init__(
        self, size: int, scale: tuple[float, float] = (0.08, 1.0), ratio: tuple[float, float] = (3 / 4, 4 / 3)
    ) -> None:
        if not 0 < scale[0] <= scale[1] <= 1:
            raise ValueError(f'scale={scale} must be (low, high) shares of the area, 0 < low <= high <= 1.')
        if not 0 < ratio[0] <= ratio[1]:
            raise ValueError(f'ratio={ratio} must be (low, high) with 0 < low <= high.')
        self.size = size
        self.scale = scale
        self.ratio = ratio

    def transform(self, results: dict) -> dict:
        """Crops and resizes ``results['img']``."""
        image = results['img']
        top, left, height, width = self.sample(*image.shape[:2])
        results['img'] = resize(image[top : top + height, left : left + width], self.size, self.size)
        results['img_shape'] = (self.size, self.size)
        return results

    def sample(self, height: int, width: int) -> tuple[int, int, int, int]:
        """Samples the top, left, height and width of a part; if ten tries do not fit, the largest central part."""
        for _ in range(10):
            area = height * width * np.random.uniform(*self.scale)
            ratio = math.exp(np.random.uniform(math.log(self.ratio[0]), math.log(self.ratio[1])))
            w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
            if 0 < w <= width and 0 < h <= height:
                return np.random.randint(height - h + 1), np.random.randint(width - w + 1), h, w
        h = min(height, round(width / self.ratio[0]))
        w = min(width, round(height * self.ratio[1]))
        return (height - h) // 2, (width - w) // 2, h, w

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}(size={self.size}, scale={self.scale}, ratio={self.ratio})'


@TRANSFORMS.register_module()
class ResizedCenterCrop(BaseTransform):
    """Crops the central square of the image and resizes it to ``size``: the same every time.

    Required and modified keys: img (H×W×C), img_shape.

    Args:
        size: side of the square in pixels.
    """

    def __init__(self, size: int) -> None:
        self.size = size

    def transform(self, results: dict) -> dict:
        """Crops and resizes ``results['img']``."""
        height, width = results['img'].shape[:2]
        side = min(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        results['img'] = resize(results['img'][top : top + side, left : left + side], self.size, self.size)
        results['img_shape'] = (self.size, self.size)
        return results

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}(size={self.size})'


def resize(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resizes H×W×C to height×width×C: by area if both sides shrink, which avoids aliasing, else bicubic."""
    shrinks = image.shape[0] >= height and image.shape[1] >= width
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    resized = np.empty((height, width, image.shape[2]), image.dtype)
    for start in range(0, image.shape[2], 3):  # OpenCV takes at most four channels
        part = cv2.resize(image[..., start : start + 3], (width, height), interpolation=interpolation)
        resized[..., start : start + 3] = part.reshape(height, width, -1)
    return resized
