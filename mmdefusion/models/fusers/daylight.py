"""Rules for the visible image: its brightness by day, its skies, its glare by night, and its black borders."""

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d

from ..structures import Pair
from .filters import box_mean, grow_to, guided_filter, ramp, shrink_by

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


def daylight(visible: Tensor, brightness: Tensor) -> Tensor:
    """How much places of a brightness should follow the visible image: 0 at night, up to 1 by day."""
    return ramp(visible.median(), *DAY) * ramp(brightness, *BRIGHT)


def find_sky(visible: Tensor) -> Tensor:
    """Weight of the bright smooth places of the visible image by day, most of them sky: 1×H×W, 0 to 1.

    Args:
        visible: 1×H×W in [0, 1].
    """
    small = shrink_by(visible, SMALL)
    mean, square = box_mean(small, WINDOW), box_mean(shrink_by(visible.square(), SMALL), WINDOW)
    rough = (square - mean.square()).clip(min=0).sqrt()
    sky = ramp(visible.median(), *DAY) * ramp(mean, *SKY) * (1 - ramp(rough, *SMOOTH))
    return guided_filter(visible, grow_to(sky, visible), *EDGE, factor=SMALL).clip(0, 1)


def keep_sky(fused: Tensor, visible: Tensor, sky: Tensor, hot: Tensor) -> Tensor:
    """Restores the sky of the visible image in the fused image, except for hot objects in it.

    Args:
        fused, visible: 1×H×W in [0, 1].
        sky: weight of the sky, 1×H×W, 0 to 1.
        hot: weight of hot places, 1×H×W, 0 to 1.
    """
    return fused + sky * (1 - hot) * (visible - fused)


def draw_in_glare(pair: Pair) -> Pair:
    """Shows what is warm inside a glare of the visible image by night: in headlights, and under lamps.

    An overexposed place has no room above it for a person to be raised. So what is near and colder is lowered instead,
    by twice the difference in the infrared image. A glare with nothing warm inside it stays white, and so does what
    is overexposed from the top of the image on: an evening sky.

    Args:
        pair: visible and infrared image, 1×H×W.
    """
    visible, infrared = pair
    small, warm = shrink_by(visible, SMALL), shrink_by(infrared, SMALL)
    glare = box_mean(ramp(small, *GLARE), 1)
    radius = max(2, round(NEAR * max(small.shape[-2:])))
    from_top = (glare > 0.5).float().cumprod(1)
    glare = glare * (1 - max_pool2d(from_top, 2 * radius + 1, stride=1, padding=radius))
    warmest = warm * (glare > 0.5)  # what is warm outside, such as a roof below a bright sky, does not count
    for size, padding in (((2 * radius + 1, 1), (radius, 0)), ((1, 2 * radius + 1), (0, radius))):
        warmest = max_pool2d(warmest, size, stride=1, padding=padding)
    warmest = box_mean(warmest, radius)
    colder = torch.minimum(grow_to(warmest, visible), visible) - infrared
    night = 1 - ramp(visible.median(), *EVENING)
    return Pair(visible - night * grow_to(glare, visible) * (STRETCHED * colder).clip(0, DARKEST), infrared)


def fill_borders(pair: Pair) -> Pair:
    """Fills black borders of the visible image, which aligned frames have, from the infrared image.

    Args:
        pair: visible and infrared image, 1×H×W.
    """
    visible = pair.a
    black = torch.zeros_like(visible, dtype=torch.bool)
    for dim in (1, 2):
        lines = visible.mean(dim, keepdim=True) < BLACK
        length = lines.shape[3 - dim]
        for flipped in (False, True):
            width = int((lines.flip(3 - dim) if flipped else lines).long().cumprod(3 - dim).sum())
            if WIDE <= width < length:
                start = max(0, length - width - RIM) if flipped else 0
                black.narrow(3 - dim, start, min(length, width + RIM)).fill_(True)
    return Pair(visible.where(~black, pair.b), pair.b)
