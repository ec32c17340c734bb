"""Keeps the colours of what the visible image shows, and drains those that a raised object only lies on."""

from .filters import Image, channels, grow_to, over, ramp
from .hot_places import HotPlaces
from .luma import luma

RAISED = 0.25, 0.7  # part of the brightness that comes from raising, from which on colours are drained
OWN_COLOUR = 0.05, 0.13  # difference of an object's colour from that of its surroundings, from which on it is kept
FAINT = 1e-3


def drain(raised: Image, visible: Image, image: Image, hot: HotPlaces) -> Image:
    """How far objects that were raised to their infrared contrast lose their colours.

    They do as far as their brightness is no longer that of the visible image: somebody in the dark, or before a hedge
    in which the visible image shows nobody, gets no green from it. Where the colour of an object is not that of its
    surroundings, the visible image shows it, and the colour is its own: bright clothes, a red car.

    Args:
        raised: by how much the brightness was raised, a map, at least 0.
        visible: brightness of the visible image, a map in [0, 1].
        image: the visible image with its colours, in [0, 1].
        hot: hot places of the infrared image.

    Returns:
        A map, 0 to 1.
    """
    drained = ramp(raised / (visible.clip(min=0) + raised + FAINT), *RAISED)
    red, green, blue = channels(image)
    own = (hot.from_cold(red - green) ** 2 + hot.from_cold(blue - green) ** 2) ** 0.5
    return drained * (1 - grow_to(ramp(own, *OWN_COLOUR), drained))


def without_colours(image: Image, drained: Image) -> Image:
    """An image whose colours are faded as far as a map says, 0 to 1; its brightness stays."""
    return image + over(drained, image) * (over(luma(image), image) - image)
