"""Masks of objects: from the small maps that a file gives to pixels, and to COCO's runs, in NumPy."""

import numpy as np


def paste(values: np.ndarray, box: np.ndarray, size: tuple[int, int], threshold: float) -> np.ndarray:
    """Stretches a map over its box (bilinear, 0 outside), as mmdet's FCNMaskHead.

    Args:
        values: how sure each cell of the box is, h×w, 0 to 1.
        box: x0 y0 x1 y1 in pixels.
        size: height and width of the image.
        threshold: smallest value that belongs to an object.

    Returns:
        H×W bool.
    """
    x0, y0, x1, y1 = box
    rows = weights(y0, y1, size[0], values.shape[0])
    columns = weights(x0, x1, size[1], values.shape[1])
    return rows @ values @ columns.T >= threshold


def weights(low: float, high: float, length: int, cells: int) -> np.ndarray:
    """length×cells: which share of each cell between ``low`` and ``high`` a pixel gets."""
    place = (np.arange(length, dtype=np.float32) + 0.5 - low) / max(high - low, 1e-6) * cells - 0.5
    return (1 - np.abs(place[:, None] - np.arange(cells, dtype=np.float32))).clip(min=0)


def encode(mask: np.ndarray) -> dict[str, object]:
    """A mask H×W as COCO's compressed runs, down the columns: ``size`` and ``counts``."""
    pixels = np.concatenate([[False], mask.ravel(order='F').astype(bool)])
    changes = np.flatnonzero(pixels[1:] != pixels[:-1])
    counts = np.diff(np.concatenate([[0], changes, [mask.size]])).tolist()
    text = []
    for place, count in enumerate(counts):
        left = count - counts[place - 2] if place > 2 else count  # in signed groups of five bits, lowest first
        while True:
            bits, left = left & 31, left >> 5
            last = left == (-1 if bits & 16 else 0)
            text.append(chr(48 + bits + (0 if last else 32)))
            if last:
                break
    return dict(size=list(mask.shape), counts=''.join(text))
