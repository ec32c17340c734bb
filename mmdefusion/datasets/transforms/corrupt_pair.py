"""Simulates what night, weather and heat do to the sensors of a pair."""

from collections.abc import Callable

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from numpy.random import Generator
from numpy.typing import NDArray

from mmdefusion.registry import TRANSFORMS

from .random_numbers import generator

LEVELS = range(1, 6)


def darkness(image: NDArray, level: int, rng: Generator) -> NDArray:
    """Darkens the image and adds the sensor noise that becomes visible then."""
    light = (0.6, 0.4, 0.25, 0.15, 0.08)[level - 1]
    noise = np.sqrt(np.maximum(image, 0) * light) * 0.5 + 1.5
    return image * light + rng.normal(size=image.shape) * noise


def glare(image: NDArray, level: int, rng: Generator) -> NDArray:
    """Adds a disc of light, as a lamp that shines into the lens, which hides what is behind it."""
    height, width = image.shape[:2]
    radius = (0.15, 0.22, 0.3, 0.4, 0.55)[level - 1] * max(height, width)
    x, y = rng.uniform(0.2, 0.8, 2) * (width, height)
    rows, columns = np.ogrid[:height, :width]
    light = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / radius**2)[..., None]
    return image + (255 - image) * np.clip(1.3 * light, 0, 1)


def fog(image: NDArray, level: int, rng: Generator) -> NDArray:
    """Adds drifting fog that grows denser towards the horizon."""
    height, width = image.shape[:2]
    depth = np.interp(np.linspace(0, 1, height), (0, 0.4, 1), (1.0, 1.0, 0.3))[:, None]
    drifts = cv2.resize(rng.uniform(0.8, 1.2, (4, 5)), (width, height), interpolation=cv2.INTER_CUBIC)
    clear = np.exp(-(0.4, 0.8, 1.2, 1.8, 2.6)[level - 1] * depth * drifts)[..., None]
    return image * clear + 200 * (1 - clear)


def thermal_noise(image: NDArray, level: int, rng: Generator) -> NDArray:
    """Adds the noise of an uncooled sensor: of single pixels and of whole columns."""
    strength = (5, 10, 18, 28, 40)[level - 1]
    columns = rng.normal(size=(1, image.shape[1], 1)) * strength / 2
    return image + rng.normal(size=image.shape) * strength + columns


def thermal_washout(image: NDArray, level: int, rng: Generator) -> NDArray:
    """Lowers the contrast as in thermal crossover, when everything has nearly the same temperature."""
    contrast = (0.7, 0.5, 0.35, 0.22, 0.12)[level - 1]
    mean = image.mean((0, 1), keepdims=True)
    return mean + (image - mean) * contrast + rng.normal(size=image.shape) * 1.5


Corruption = Callable[[NDArray, int, Generator], NDArray]
CORRUPTIONS: dict[str, tuple[Corruption, slice]] = {
    'darkness': (darkness, slice(3)),
    'glare': (glare, slice(3)),
    'fog': (fog, slice(3)),
    'thermal-noise': (thermal_noise, slice(3, None)),
    'thermal-washout': (thermal_washout, slice(3, None)),
}


@TRANSFORMS.register_module()
class CorruptPair(BaseTransform):
    """Corrupts one image of a pair and leaves the other unchanged. Put it after ``AppendPartner``.

    Required and modified key: img (H×W×C from 0 to 255, the visible image in the first three channels; dtype kept).

    Args:
        kind: 'darkness', 'glare' or 'fog' for the visible image, 'thermal-noise' or 'thermal-washout' for the infrared.
        level: from 1 (slight) to 5 (hardly anything can be seen).
        seed: see :func:`generator`.

    Raises:
        ValueError: if ``kind`` or ``level`` has another value.
    """

    def __init__(self, kind: str, level: int, seed: int | None = 0) -> None:
        if kind not in CORRUPTIONS:
            raise ValueError(f'kind={kind!r} is none of {", ".join(CORRUPTIONS)}.')
        if level not in LEVELS:
            raise ValueError(f'level={level!r} must be a whole number from 1 to 5.')
        self.kind = kind
        self.level = level
        self.seed = seed

    def transform(self, results: dict) -> dict:
        """Corrupts ``results['img']``."""
        corrupt, channels = CORRUPTIONS[self.kind]
        image = results['img'].copy()
        spoilt = corrupt(image[..., channels].astype(np.float64), self.level, generator(self.seed, results))
        spoilt = spoilt.clip(0, 255)
        image[..., channels] = spoilt.round() if image.dtype.kind == 'u' else spoilt
        results['img'] = image
        return results

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}(kind={self.kind!r}, level={self.level}, seed={self.seed})'
