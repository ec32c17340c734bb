"""Brings the images of an item to the size of the first, or refuses them."""

import math
import warnings
from collections.abc import Sequence

import cv2
import numpy as np

DISTORTION = 0.02  # change of the aspect ratio from which on resizing causes a warning


def to_first_size(
    images: Sequence[np.ndarray],
    name: str,
    resize: bool = False,
    remedy: str = 'set resize=True (--resize)',
    series: str = '',
) -> list[np.ndarray]:
    """Brings images that are fused to the size of the first; where they get smaller, no pixel is left out.

    Args:
        images: H×W or H×W×3 each.
        name: name of the item in errors and warnings.
        resize: whether the other images may be resized.
        remedy: what the error says to do to have them resized.
        series: name of the video of a frame, of which a warning is said once.

    Raises:
        ValueError: if sizes differ and ``resize`` is not set.
    """
    first, *others = images
    size = first.shape[1::-1]
    for position, other in enumerate(others, 2):
        if other.shape[:2] == first.shape[:2]:
            continue
        if not resize:
            refuse_sizes(first, other, name, remedy)
        own = other.shape[1::-1]
        if abs(math.log(own[0] * size[1] / own[1] / size[0])) > DISTORTION:
            sizes = f'{own[0]}x{own[1]} to {size[0]}x{size[1]}'
            warnings.warn(f'{series or name}: image {position} is stretched from {sizes}.', stacklevel=4)
        # first the sides that get shorter: OpenCV's mean over areas is one only where no side gets longer
        reduced = cv2.resize(other, tuple(map(min, own, size)), interpolation=cv2.INTER_AREA)
        others[position - 2] = cv2.resize(reduced, size, interpolation=cv2.INTER_LINEAR)
    return [first, *others]


def fit_partner(visible: np.ndarray, partner: np.ndarray, name: str, resize: bool = False) -> np.ndarray:
    """Brings the partner of a visible image that is predicted on to its size, as AppendPartner does (bilinear).

    Args:
        visible: H×W×3.
        partner: H×W×C.
        name: name of the pair in errors.
        resize: whether the partner may be resized.

    Returns:
        H×W×C, of the size of ``visible``.

    Raises:
        ValueError: if the sizes differ and ``resize`` is not set.
    """
    if partner.shape[:2] != visible.shape[:2] and not resize:
        refuse_sizes(visible, partner, name, 'set resize=True (--resize)')
    return scaled(partner, visible.shape[1::-1])


def scaled(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resizes H×W×C to width and height (bilinear); the channel of grey images stays."""
    if image.shape[1::-1] == tuple(size):
        return image
    resized = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
    return resized if resized.ndim == 3 else resized[..., None]


def refuse_sizes(first: np.ndarray, other: np.ndarray, name: str, remedy: str) -> None:
    """Raises a ValueError that names both sizes and what to do."""
    sizes = [f'{image.shape[1]}x{image.shape[0]}' for image in (first, other)]
    raise ValueError(f'{name}: the images are {sizes[0]} and {sizes[1]}: align them, or {remedy}.')
