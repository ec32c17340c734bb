"""Checks the masks of a COCO file before pycocotools sees them, whose C code takes sizes and lengths as they come.

A polygon's coordinates decide how much memory its outline takes, and run lengths bring the size of their own mask.
"""

import math
import re
from collections.abc import Sequence

import numpy as np

from mmdefusion.utils.image_headers import PIXELS_VARIABLE, max_pixels

MAX_OUTLINE = 1_000_000  # pixels that a mask's outline may be long; around an image of 8,000 x 8,000 it has 32,000
# A count has up to seven characters of five bits each; all but the last have a sixth bit. Without a last one,
# pycocotools would read beyond the end.
COMPRESSED = re.compile(r'(?:[P-o]{0,6}[0-O])*')
LAST_DIGIT, FIVE_BITS, SIGN = 32, 31, 16


def check_segmentation(value: object, width: object, height: object) -> None:
    """Checks the ``segmentation`` of an annotation: absent (None), polygons, or run lengths.

    Polygons may reach beyond the image by its size on each side. Those of fewer than three points pass, as mmdet leaves
    them out.

    Args:
        value: what the file has.
        width, height: what the file says of the image, in pixels.

    Raises:
        ValueError: saying what is wrong with it.
    """
    if value is None or value == []:
        return
    if not all(isinstance(side, int | float) and side > 0 and side % 1 == 0 for side in (width, height)):
        raise ValueError(f'is of an image of {width!r:.20}x{height!r:.20} pixels')
    if width * height > max_pixels():
        raise ValueError(
            f'is of an image of {width}x{height}, more than max_pixels={max_pixels()} ({PIXELS_VARIABLE} allows more)'
        )
    if isinstance(value, dict):
        _check_run_lengths(value.get('counts'), value.get('size'), int(width), int(height))
    elif isinstance(value, list) and all(isinstance(polygon, list) for polygon in value):
        _check_polygons(value, width, height)
    else:
        raise ValueError(f'is {value!r:.40}, neither a list of polygons nor run lengths')


def _check_polygons(polygons: Sequence[list], width: float, height: float) -> None:
    for polygon in polygons:
        if len(polygon) % 2:
            raise ValueError(f'has a polygon of {len(polygon)} numbers, and x and y come in twos')
        for axis, values, side in (('x', polygon[::2], width), ('y', polygon[1::2], height)):
            if _all_within(values, -side, 2 * side):
                continue
            for value in values:
                # NaN is in no range
                if not isinstance(value, int | float) or not -side <= value <= 2 * side:
                    raise ValueError(f'has {axis} = {value!r:.40}, outside {-side} to {2 * side}')
    # within these bounds, a step is no longer than three sides
    if 3 * max(width, height) * sum(map(len, polygons)) / 2 > MAX_OUTLINE:
        outline = 0.0
        for polygon in polygons:
            outline += _outline(polygon)
            if outline > MAX_OUTLINE:
                raise ValueError(f'has an outline of {outline:.0f} pixels or more, and {MAX_OUTLINE} are allowed')


def _all_within(values: list, low: float, high: float) -> bool:
    """Whether all are numbers in a range; quick, as a file has millions."""
    if not set(map(type, values)) <= {int, float}:
        return False
    return not values or (low <= min(values) and max(values) <= high and not math.isnan(sum(values)))


def _outline(polygon: list[float]) -> float:
    """The pixels that a closed outline passes, as pycocotools counts them: the longer side of each step."""
    if len(polygon) < 2:
        return 0.0
    points = np.asarray(polygon, np.float64).reshape(-1, 2)
    return float(np.abs(points - np.roll(points, 1, 0)).max(1).sum())


def _check_run_lengths(counts: object, size: object, width: int, height: int) -> None:
    if size != [height, width]:
        raise ValueError(f'has the size {size!r:.40} instead of {[height, width]}')
    pixels = width * height
    if isinstance(counts, str):
        # a run has at least a pixel, and one that takes several characters has many
        if len(counts) > 2 * pixels + 2 or not COMPRESSED.fullmatch(counts):
            raise ValueError(f'has counts {counts!r:.40} that are no compressed run lengths')
        runs = decompress(counts)
        shortest, total = int(runs.min(initial=0)), int(runs.sum())
    elif isinstance(counts, list) and all(type(count) is int for count in counts):
        shortest, total = min(counts, default=0), sum(counts)
    else:
        raise ValueError(f'has counts {counts!r:.40} that are not whole numbers')
    if shortest < 0:
        raise ValueError(f'has a negative count, {shortest!r:.40}')
    if total != pixels:
        raise ValueError(f'has counts of {total!r:.40} pixels in all instead of {width}x{height} = {pixels}')


def decompress(counts: str) -> np.ndarray:
    """The run lengths in a string of COCO's compressed format (the one that matches :data:`COMPRESSED`).

    Returns:
        Shape (number of runs,), int64.
    """
    codes = np.frombuffer(counts.encode('ascii'), np.uint8).astype(np.int64) - ord('0')
    last = np.flatnonzero(codes < LAST_DIGIT)
    if not len(last):
        return np.zeros(0, np.int64)
    first = np.concatenate([[0], last[:-1] + 1])
    lengths = last - first + 1
    places = np.arange(len(codes)) - np.repeat(first, lengths)
    values = np.add.reduceat((codes & FIVE_BITS) << 5 * places, first)
    values -= np.where(codes[last] & SIGN, 1 << 5 * lengths, 0)
    # from the fourth on, a run is stored as its difference from the last but one
    values[1::2] = np.cumsum(values[1::2])
    values[2::2] = np.cumsum(values[2::2])
    return values
