"""Turns false-colour infrared images back to grey: cameras export temperatures as colours of a palette."""

from functools import cache

import cv2
import numpy as np

# Thresholds of the colourfulness below. In 1,304 real pairs (FLIR, LLVIP, M3FD, RoadScene, VIFB, MSRS, aerial near
# infrared; half of them by night) every infrared image has 0.0 and every visible image 1.6 or more.
GREY = 1.0
COLOURED = 6.0

# Palettes of OpenCV in which every colour stands for one grey level. HSV and both TWILIGHT begin and end with the same
# colour, so they cannot be turned back; BONE and PINK are tinted grey, as many photographs are, and their brightness
# is in order.
NAMES = (
    'AUTUMN',
    'CIVIDIS',
    'COOL',
    'DEEPGREEN',
    'HOT',
    'INFERNO',
    'JET',
    'MAGMA',
    'OCEAN',
    'PARULA',
    'PLASMA',
    'RAINBOW',
    'SPRING',
    'SUMMER',
    'TURBO',
    'VIRIDIS',
    'WINTER',
)
SAMPLED = 4096  # pixels, evenly spread, from which the palette is told
NEAR = 15.0  # largest mean distance of the pixels from the colours of their palette, on a scale of 255;
FAR = 64.0  # distances count up to this, as the camera may have drawn texts and scales into the image
CHUNK = 16384  # colours that are looked up at once


def colourfulness(image: np.ndarray) -> float:
    """Mean difference between the largest and the smallest channel of an H×W×3 uint8 image."""
    blue, green, red = cv2.split(image)
    highest, lowest = cv2.max(cv2.max(blue, green), red), cv2.min(cv2.min(blue, green), red)
    return float(cv2.subtract(highest, lowest).mean())


@cache
def palettes() -> dict[str, np.ndarray]:
    """Colours of each palette by grey level, 256×3 float32, BGR; ``IRON`` is the palette of most thermal cameras."""
    levels = np.arange(256, dtype=np.uint8)[:, None]
    found = {name.lower(): cv2.applyColorMap(levels, getattr(cv2, f'COLORMAP_{name}'))[:, 0] for name in NAMES}
    x = levels[:, 0] / 255  # the formula is that of gnuplot's default palette, which imitates it
    iron = np.stack([np.sin(2 * np.pi * x), x**3, np.sqrt(x)], axis=1).clip(0, 1) * 255
    return {name: colours.astype(np.float32) for name, colours in {**found, 'iron': iron}.items()}


def tell_palette(image: np.ndarray) -> str | None:
    """Tells the palette of an image in false colours; None if it has none of them, as most photographs.

    Args:
        image: H×W×3 uint8, BGR.
    """
    pixels = image.reshape(-1, 3)
    pixels = pixels[np.linspace(0, len(pixels) - 1, min(len(pixels), SAMPLED)).astype(int)].astype(np.float32)
    distances = {name: _distances(pixels, colours).min(1).clip(max=FAR).mean() for name, colours in palettes().items()}
    best = min(distances, key=distances.__getitem__)
    return best if distances[best] <= NEAR else None


def undo_palette(image: np.ndarray, palette: str) -> np.ndarray:
    """The grey levels whose colours in a palette are nearest to those of an image.

    Args:
        image: H×W×3 uint8, BGR.
        palette: a name of :func:`palettes`.

    Returns:
        H×W×3 uint8 with equal channels.
    """
    codes = image.astype(np.int32) @ np.array([1 << 16, 1 << 8, 1], np.int32)
    known, places = np.unique(codes, return_inverse=True)
    colours = np.stack([known >> 16, known >> 8 & 255, known & 255], axis=1).astype(np.float32)
    levels = np.empty(len(known), np.uint8)
    for start in range(0, len(known), CHUNK):
        part = slice(start, start + CHUNK)
        levels[part] = _distances(colours[part], palettes()[palette]).argmin(1)
    return np.repeat(levels[places.reshape(codes.shape)][..., None], 3, axis=2)


def _distances(pixels: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """Distances of N pixels from the 256 colours of a palette, N×256."""
    squares = (pixels**2).sum(1)[:, None] + (colours**2).sum(1) - 2 * pixels @ colours.T
    return np.sqrt(squares.clip(min=0))
