"""Reads what a visitor uploads: bounded, and refused by name in one line."""

from pathlib import Path
from typing import Any

import numpy as np

from mmdefusion.evaluation.functional.checks import LEAST_SIDE
from mmdefusion.inference.sizes import to_first_size
from mmdefusion.utils.image_headers import UnusableImage
from mmdefusion.utils.image_io import check_dtype, decode_image, to_uint8

from .settings import Settings

Pair = tuple[np.ndarray, np.ndarray]


def read_upload(path: str | None, what: str, settings: Settings) -> np.ndarray:
    """Reads one uploaded image at its own depth.

    Args:
        path: the uploaded file; None if there is none.
        what: what the image is, for messages, such as 'visible image'.
        settings: limits for its size.

    Returns:
        H×W or H×W×3 BGR; uint8, uint16 or float.

    Raises:
        ValueError: if there is no file, it is too large or too small, or it is no image of 8 or 16 bits or
            floats.
    """
    if path is None:
        raise ValueError(f'The {what} is missing: upload one, or take an example.')
    file = Path(path)
    size, limit = file.stat().st_size, settings.megabytes * 2**20
    if size > limit:
        raise UnusableImage(f'{file.name} has {size / 2**20:.1f} MB, and {settings.megabytes} MB are allowed.')
    image = decode_image(file.read_bytes(), file.name, limit=settings.pixels)
    check_dtype(image, file.name)
    if min(image.shape[:2]) < LEAST_SIDE:
        width, height = image.shape[1::-1]
        raise UnusableImage(f'{file.name} is {width}x{height}: {LEAST_SIDE} pixels a side is the least.')
    return image


def read_pair(
    first: str | None,
    second: str | None,
    resize: bool,
    settings: Settings,
    reading: dict[str, Any] | None = None,
) -> Pair:
    """Reads two uploaded images of one size; infrared images are scaled before they are resized, as those of files are.

    Args:
        first, second: the uploaded files.
        resize: whether to resize the second image to the size of the first.
        settings: limits for their sizes.
        reading: arguments of :meth:`Item.read` with which the pair will be read.

    Returns:
        Two arrays of equal height and width.

    Raises:
        ValueError: if a file cannot be used, or the sizes differ and ``resize`` is not set.
    """
    one, other = (read_upload(path, f'{name} image', settings) for path, name in ((first, 'first'), (second, 'second')))
    reading = reading or {}
    if other.dtype != np.uint8 and reading.get('thermal', True):  # an array of floats would have to be 0 to 1
        scaling = reading.get('percentiles', (1.0, 99.0)), reading.get('thermal_range')
        other = to_uint8(other, Path(second).name, *scaling)
    remedy = 'tick "resize the second image" if they show the same view'
    return tuple(to_first_size((one, other), 'pair', resize, remedy))
