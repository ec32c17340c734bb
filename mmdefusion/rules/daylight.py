"""Rules for the visible image: its brightness by day, its skies, its glare by night, and its black borders."""

from copy import deepcopy
from itertools import takewhile

from .filters import Image, box_mean, choose, grow_to, guided_filter, largest, median, ramp, shrink_by, size_of

DAY = 0.2, 0.35  # median brightness of the visible image: from night to day
BRIGHT = 0.45, 0.65  # brightness of places that follow the visible image by day
SKY = 0.43, 0.53  # brightness of possible sky
SMOOTH = 0.03, 0.06  # standard deviation in a window: from sky to no sky
SMALL = 4  # factor by which the image is reduced to find the sky
WINDOW = 2  # radius of the windows in the reduced image
EDGE = 16, 1e-3  # radius in pixels and variance of the guided filter that aligns the sky with visible edges
GLARE = 0.94, 0.99  # brightness of the visible image from which on it is overexposed
EVENING = 0.3, 0.4  # median brightness of the visible image: from night to a day whose skies may be overexposed
NEAR = 0.05  # radius of what is near a hot object in a glare, relative to the longest side
STRETCHED = 2.0  # contrast in a glare, relative to the infrared image: nothing else is left there to tell things apart
DARKEST = 0.4  # most by which a glare is darkened
BLACK = 1.5 / 255  # largest mean of a black row or column
WIDE = 8  # smallest number of rows or columns of a border
RIM = 4  # further rows or columns, which compression has mixed with the border


def daylight(visible: Image, brightness: Image) -> Image:
    """How much places of a brightness should follow the visible image: 0 at night, up to 1 by day."""
    return ramp(median(visible), *DAY) * ramp(brightness, *BRIGHT)


def find_sky(visible: Image) -> Image:
    """Weight of the bright smooth places of the visible image by day, most of them sky: a map, 0 to 1.

    Args:
        visible: a map in [0, 1].
    """
    small = shrink_by(visible, SMALL)
    mean, square = box_mean(small, WINDOW), box_mean(shrink_by(visible * visible, SMALL), WINDOW)
    rough = (square - mean * mean).clip(min=0) ** 0.5
    sky = ramp(median(visible), *DAY) * ramp(mean, *SKY) * (1 - ramp(rough, *SMOOTH))
    return guided_filter(visible, grow_to(sky, visible), *EDGE, factor=SMALL).clip(0, 1)


def keep_sky(fused: Image, visible: Image, sky: Image, hot: Image) -> Image:
    """Restores the sky of the visible image in the fused image, except for hot objects in it.

    Args:
        fused, visible: maps in [0, 1].
        sky: weight of the sky, a map, 0 to 1.
        hot: weight of hot places, a map, 0 to 1.
    """
    return fused + sky * (1 - hot) * (visible - fused)


def draw_in_glare(visible: Image, infrared: Image) -> Image:
    """Shows what is warm inside a glare of the visible image by night: in headlights, and under lamps.

    An overexposed place has no room above it for a person to be raised. So what is near and colder is lowered instead,
    by twice the difference in the infrared image. A glare with nothing warm inside it stays white, and so does what
    is overexposed from the top of the image on: an evening sky.

    Args:
        visible, infrared: maps in [0, 1].

    Returns:
        The visible image with it.
    """
    small, warm = shrink_by(visible, SMALL), shrink_by(infrared, SMALL)
    glare = box_mean(ramp(small, *GLARE), 1)
    radius = max(2, round(NEAR * max(size_of(small))))
    from_top = glare * (glare > 0.5).cumprod(-2)
    glare = glare * (largest(from_top, radius, radius) <= 0.5)
    warmest = warm * (glare > 0.5)  # what is warm outside, such as a roof below a bright sky, does not count
    warmest = grow_to(box_mean(largest(warmest, radius, radius), radius), visible)
    colder = choose(warmest < visible, warmest, visible) - infrared
    night = 1 - ramp(median(visible), *EVENING)
    return visible - night * grow_to(glare, visible) * (STRETCHED * colder).clip(0, DARKEST)


def fill_borders(visible: Image, infrared: Image) -> Image:
    """Fills black borders of the visible image, which aligned frames have, from the infrared image.

    Args:
        visible, infrared: maps in [0, 1].

    Returns:
        The visible image without them.
    """
    filled = visible
    for across in (-1, -2):  # black rows, then black columns
        black = (visible.mean(across) < BLACK).reshape(-1).tolist()
        for flipped in (False, True):
            width = len(list(takewhile(bool, reversed(black) if flipped else black)))
            if WIDE <= width < len(black):
                filled = deepcopy(visible) if filled is visible else filled
                border = slice(max(0, len(black) - width - RIM), None) if flipped else slice(0, width + RIM)
                place = (..., border, slice(None)) if across == -1 else (..., border)
                filled[place] = infrared[place]
    return filled
