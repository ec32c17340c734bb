"""What the visible image is trusted with: the brightness of the day, and skies; and where it shows nothing at all."""

import torch
from torch import Tensor

from ..structures import Pair
from .filters import box_mean, grow_to, guided_filter, ramp, shrink_by

DAY = 0.2, 0.35  # median brightness of a visible image: from night to day
BRIGHT = 0.45, 0.65  # brightness of places that are the visible image's by day
SKY = 0.43, 0.53  # brightness of what may be sky
SMOOTH = 0.03, 0.06  # standard deviation in a window: from sky to none
SMALL = 4  # the sky is looked for on images smaller by this
WINDOW = 2  # radius of its windows in the small image
EDGE = 16, 1e-3  # radius in pixels and variance of the filter that brings the sky's outline to the visible edges
BLACK = 1.5 / 255  # mean of a row or column without picture
WIDE = 8  # rows or columns that make a border, at least
RIM = 4  # more of them that compression has mixed with the border


def daylight(visible: Tensor, brightness: Tensor) -> Tensor:
    """How far places of this brightness are the visible image's: 0 at night, up to 1 by day."""
    return ramp(visible.median(), *DAY) * ramp(brightness, *BRIGHT)


def keep_sky(fused: Tensor, visible: Tensor, hot: Tensor) -> Tensor:
    """The fused image with bright smooth places of the visible one as they are, but for what is hot in them.

    Args:
        fused, visible: 1×H×W.
        hot: 1×H×W, 0 to 1.
    """
    small = shrink_by(visible, SMALL)
    mean, square = box_mean(small, WINDOW), box_mean(shrink_by(visible.square(), SMALL), WINDOW)
    rough = (square - mean.square()).clip(min=0).sqrt()
    sky = ramp(visible.median(), *DAY) * ramp(mean, *SKY) * (1 - ramp(rough, *SMOOTH))
    sky = guided_filter(visible, grow_to(sky, visible), *EDGE, factor=SMALL).clip(0, 1)
    return fused + sky * (1 - hot) * (visible - fused)


def fill_borders(pair: Pair) -> Pair:
    """Black borders of the visible image, as aligned frames have them, taken from the infrared one.

    Args:
        pair: visible and infrared, 1×H×W.
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
