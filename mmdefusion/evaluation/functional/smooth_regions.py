"""What fusion does to smooth regions: skies, walls, roads. Images are grey, H×W, 0-255."""

import cv2
import numpy as np
from numpy.typing import NDArray

SKY_BLOCK = 32  # side in pixels
SKY_BRIGHT = 130.0  # smallest mean grey level of the visible image in a block of sky
SKY_SMOOTH = 8.0  # largest standard deviation there
FLAT_BLOCK = 16
FLAT_BLUR = 2.0  # sigma in pixels of the Gaussian whose output counts as structure; the rest is noise
FLAT_RANGE = 6.0  # largest range of the structure in a flat block, in grey levels
SURFACE_BLUR = 2.0  # sigma in pixels
SURFACE_SLOPE = 2.0  # largest gradient of a surface in both sources, grey levels per pixel
SURFACE_AREA = 0.02  # smallest share of the image: roads, walls, skies, not the coat of a person


def sky_change(visible: NDArray, fused: NDArray) -> tuple[float, float]:
    """Measures how fusion changes the bright smooth blocks of the visible image, most of which are sky.

    Returns:
        The mean absolute change of the brightness of a block, and the mean increase of its standard deviation (added
        texture), both in grey levels; NaN if there is no such block.
    """
    before, after = _blocks(visible, SKY_BLOCK), _blocks(fused, SKY_BLOCK)
    sky = (before.mean(-1) >= SKY_BRIGHT) & (before.std(-1) <= SKY_SMOOTH)
    if not sky.any():
        return float('nan'), float('nan')
    before, after = before[sky], after[sky]
    moved = np.abs(after.mean(-1) - before.mean(-1)).mean()
    return float(moved), float((after.std(-1) - before.std(-1)).mean())


def veil(visible: NDArray, infrared: NDArray, fused: NDArray) -> float:
    """How far fusion moves large smooth surfaces, bright or dark, to a brightness that neither source has there.

    After a Gaussian of 2 pixels, connected pixels at which neither source rises or falls by more than 2 grey levels a
    pixel are a surface, if they cover 2 % of the image or more.

    Returns:
        Mean over the surfaces of the distance between the fused image and the range of both sources, after the same
        Gaussian, in grey levels; NaN if there is no surface.
    """
    one, other, ours = (cv2.GaussianBlur(image, (0, 0), SURFACE_BLUR) for image in (visible, infrared, fused))
    smooth = np.maximum(*(np.hypot(*np.gradient(image)) for image in (one, other))) <= SURFACE_SLOPE
    _, labels, found, _ = cv2.connectedComponentsWithStats(smooth.astype(np.uint8), connectivity=4)
    surface = smooth & (found[:, cv2.CC_STAT_AREA] >= SURFACE_AREA * smooth.size)[labels]
    if not surface.any():
        return float('nan')
    outside = np.maximum(ours - np.maximum(one, other), np.minimum(one, other) - ours)
    return float(outside.clip(0)[surface].mean())


def flat_noise(visible: NDArray, infrared: NDArray, fused: NDArray) -> float:
    """How much more noise the fused image has than the less noisy source, in blocks that are flat in both sources.

    A block is flat if a Gaussian of 2 pixels leaves a range of at most 6 grey levels. Noise is the standard deviation
    of what the Gaussian removes.

    Returns:
        Mean over the flat blocks in grey levels; NaN if there are none.
    """
    smooth = [cv2.GaussianBlur(image, (0, 0), FLAT_BLUR) for image in (visible, infrared, fused)]
    flat = np.logical_and(*(np.ptp(_blocks(image, FLAT_BLOCK), axis=-1) <= FLAT_RANGE for image in smooth[:2]))
    if not flat.any():
        return float('nan')
    images = zip((visible, infrared, fused), smooth, strict=True)
    one, other, ours = (_blocks(image - form, FLAT_BLOCK)[flat].std(-1) for image, form in images)
    return float((ours - np.minimum(one, other)).mean())


def _blocks(image: NDArray, side: int) -> NDArray:
    """Cuts an image into blocks, (H // side)×(W // side)×side²; the rest at the right and the bottom is dropped."""
    rows, columns = (length // side for length in image.shape)
    cut = image[: rows * side, : columns * side].reshape(rows, side, columns, side)
    return cut.transpose(0, 2, 1, 3).reshape(rows, columns, side * side)
