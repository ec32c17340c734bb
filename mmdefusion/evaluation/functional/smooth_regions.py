"""What fusion does to places where there is nothing to see: skies, walls, roads. Grey images, H×W, 0-255."""

import cv2
import numpy as np
from numpy.typing import NDArray

SKY_BLOCK = 32  # side in pixels
SKY_BRIGHT = 130.0  # mean grey level of the visible image in such a block, at least
SKY_SMOOTH = 8.0  # its standard deviation there, at most
FLAT_BLOCK = 16
FLAT_BLUR = 2.0  # sigma of what counts as form; the rest is noise
FLAT_RANGE = 6.0  # grey levels of form in a flat block, at most


def sky_change(visible: NDArray, fused: NDArray) -> tuple[float, float]:
    """What happened to bright smooth blocks of the visible image, most of them sky.

    Returns:
        How far their brightness was moved, in grey levels (mean of the absolute differences of the blocks' means), and
        how much texture was added (mean difference of their standard deviations). NaN where there are none.
    """
    before, after = _blocks(visible, SKY_BLOCK), _blocks(fused, SKY_BLOCK)
    sky = (before.mean(-1) >= SKY_BRIGHT) & (before.std(-1) <= SKY_SMOOTH)
    if not sky.any():
        return float('nan'), float('nan')
    before, after = before[sky], after[sky]
    moved = np.abs(after.mean(-1) - before.mean(-1)).mean()
    return float(moved), float((after.std(-1) - before.std(-1)).mean())


def flat_noise(visible: NDArray, infrared: NDArray, fused: NDArray) -> float:
    """Noise that the fused image has more than the quieter source, in blocks without form in either source.

    Form is what a Gaussian of 2 pixels leaves; a block is flat where it ranges over 6 grey levels at most. Noise is
    the standard deviation of the rest.

    Returns:
        Grey levels, the mean over flat blocks; NaN where there are none.
    """
    smooth = [cv2.GaussianBlur(image, (0, 0), FLAT_BLUR) for image in (visible, infrared, fused)]
    flat = np.logical_and(*(np.ptp(_blocks(image, FLAT_BLOCK), axis=-1) <= FLAT_RANGE for image in smooth[:2]))
    if not flat.any():
        return float('nan')
    images = zip((visible, infrared, fused), smooth, strict=True)
    one, other, ours = (_blocks(image - form, FLAT_BLOCK)[flat].std(-1) for image, form in images)
    return float((ours - np.minimum(one, other)).mean())


def _blocks(image: NDArray, side: int) -> NDArray:
    """Whole blocks, (H // side)×(W // side)×side²; what is left at the right and at the bottom is left out."""
    rows, columns = (length // side for length in image.shape)
    cut = image[: rows * side, : columns * side].reshape(rows, side, columns, side)
    return cut.transpose(0, 2, 1, 3).reshape(rows, columns, side * side)
