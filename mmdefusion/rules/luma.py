"""Splits an image into luma (ITU-R BT.601) and colour, and puts them together again, without loss."""

from .filters import Image, channels, over

WEIGHTS = 0.299, 0.587, 0.114  # of red, green and blue
FAINT = 1e-6  # difference of a channel from the luma below which there is no colour that could fade


def luma(image: Image) -> Image:
    """The luma of an RGB image, a map."""
    return luma_of(*channels(image))


def luma_of(red: Image, green: Image, blue: Image) -> Image:
    """The luma of three channels of any shape."""
    return red * WEIGHTS[0] + green * WEIGHTS[1] + blue * WEIGHTS[2]


def with_luma(image: Image, brightness: Image) -> Image:
    """Replaces the luma of an image and keeps its colour differences.

    Where the result would leave [0, 1], the colour fades towards grey as far as needed; luma and hue stay.

    Args:
        image: RGB in [0, 1].
        brightness: the new luma, a map.
    """
    brightness, grey = brightness.clip(0, 1), luma(image)
    above, below = largest_channel(image) - grey, grey + largest_channel(-image)
    share = smaller((1 - brightness) / above.clip(min=FAINT), brightness / below.clip(min=FAINT)).clip(max=1)
    return over(brightness, image) + (image - over(grey, image)) * over(share, image)


def largest_channel(image: Image) -> Image:
    """The largest channel of each pixel, a map."""
    found, *others = channels(image)
    for other in others:
        found = larger(found, other)
    return found


def larger(one: Image, other: Image) -> Image:
    """The larger of two maps at each pixel."""
    return one + (other - one).clip(min=0)


def smaller(one: Image, other: Image) -> Image:
    """The smaller of two maps at each pixel."""
    return one - (one - other).clip(min=0)
