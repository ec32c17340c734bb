"""Brings infrared images to grey levels in which hot is bright, whatever the camera made of them."""

import os
import warnings
from collections.abc import Sequence
from typing import Literal

import cv2
import numpy as np

from mmdefusion.utils.false_colours import COLOURED, colourfulness, tell_palette, undo_palette
from mmdefusion.utils.image_headers import read_header
from mmdefusion.utils.image_io import FixedRange
from mmdefusion.utils.polarity import DOUBTFUL, SURE, white_hot_evidence
from mmdefusion.utils.spread import evenly_spread
from mmdefusion.utils.storage import is_local

from .sources import Image, Item

Polarity = Literal['auto', 'white-hot', 'black-hot']

LOOKED_AT = 5  # items whose images tell the polarity of a series, which one camera has taken


def to_white_hot(images: Sequence[np.ndarray], black_hot: bool) -> list[np.ndarray]:
    """Turns false colours of all images but the first back to grey, with a warning, and inverts black-hot ones.

    Args:
        images: a visible image and one or more infrared images, H×W×3 uint8 BGR.
        black_hot: whether hot is dark in the infrared images.
    """
    first, *others = images
    return [first, *(one_to_white_hot(image, black_hot) for image in others)]


def one_to_white_hot(image: np.ndarray, black_hot: bool) -> np.ndarray:
    """Turns false colours of an infrared image back to grey, with a warning, and inverts a black-hot one.

    Args:
        image: H×W or H×W×3 uint8, BGR.
        black_hot: whether hot is dark in it.
    """
    grey, told = _to_grey(image) if image.ndim == 3 else (image, '')
    if told:
        warnings.warn(told, stacklevel=3)
    return 255 - grey if black_hot else grey


def tell_black_hot(
    items: Sequence[Item],
    polarity: Polarity,
    thermal_range: FixedRange = None,
    percentiles: Sequence[float] = (1.0, 99.0),
) -> bool:
    """Whether hot is dark in the infrared images of a series.

    With ``'auto'`` the median of the evidence of up to five items decides. Where it speaks for black-hot there is a
    warning; if it is not strong, white-hot is taken, as most cameras have it. Items that cannot be read have no say,
    nor have images that are fused with themselves.

    Args:
        items: the series.
        polarity: ``'auto'``, or the polarity.
        thermal_range: see :meth:`Item.read`.
        percentiles: likewise.
    """
    if polarity != 'auto':
        return polarity == 'black-hot'
    evidence = []
    for item in evenly_spread(items, LOOKED_AT):
        try:
            first, *others = item.read(thermal_range=thermal_range, percentiles=percentiles)
        except (OSError, ValueError):  # reported where the item is fused
            continue
        evidence += [_evidence(image) for image in others if not np.array_equal(image, first)]
    found = float(np.median(evidence)) if evidence else 0.0
    if found < -SURE:
        warnings.warn(
            'The infrared images look black-hot: they are inverted. Name the polarity to be sure of it '
            '(--polarity black-hot, or white-hot if this is wrong; polarity= in Python and configs).',
            stacklevel=3,
        )
    elif found < -DOUBTFUL:
        warnings.warn(
            'The infrared images may be black-hot: they are taken for white-hot. If hot is dark in them, give '
            '--polarity black-hot (polarity= in Python and configs).',
            stacklevel=3,
        )
    return found < -SURE


def warn_of_idle_range(items: Sequence[Item], thermal_range: FixedRange) -> None:
    """Warns of a range if no infrared image of a series has 16 bits or floats, which alone it scales.

    The headers of all files are read, up to the first such image. Files that cannot be read have no say.

    Args:
        items: the series, as it is stored.
        thermal_range: see :meth:`Item.read`. There is no warning of the full range, which suits any image.
    """
    if thermal_range is None or isinstance(thermal_range, str):  # a range may be an array
        return
    images = [image for item in items for image in item.images[1:]]
    if images and not any(map(_may_be_deep, images)):
        low, high = thermal_range
        warnings.warn(
            f'The range of {low:g} to {high:g} has no effect (--thermal-range): no infrared image has 16 bits or '
            'floats, and those of 8 bits are taken as they are.',
            stacklevel=3,
        )


def _may_be_deep(image: Image) -> bool:
    if isinstance(image, np.ndarray):
        return image.dtype != np.uint8
    path = os.fspath(image)
    if not is_local(path):
        return True  # to know it would take a download
    try:
        return read_header(path).deep
    except (OSError, ValueError):  # reported where the item is fused
        return False


def _evidence(image: np.ndarray) -> float:
    grey, _ = _to_grey(image)  # without a warning, which comes where the item is fused
    return white_hot_evidence(cv2.cvtColor(grey, cv2.COLOR_BGR2GRAY))


def _to_grey(image: np.ndarray) -> tuple[np.ndarray, str]:
    """An infrared image H×W×3 without false colours, and what is to be told of its colours, if there are any.

    It does not warn: to keep a warning silent, all threads of the process would have to wait.
    """
    if colourfulness(image) <= COLOURED:
        return image, ''
    palette = tell_palette(image)
    if palette is None:
        return image, (
            'The infrared image has colours of no known palette: its brightness is taken. Give the visible image '
            'first, and export infrared images in grey.'
        )
    told = f'The infrared image is in false colours ({palette}): they are turned back to grey.'
    return undo_palette(image, palette), told
