"""Lets warm people and cars stand out in the fused image as they do in the infrared image.

Maps and images are float32 (see :mod:`.filters` for their shapes), brightness from 0 to 1; a contrast is a difference
of brightness, from -1 to 1.
"""

from .colours import drain
from .daylight import find_sky, keep_sky
from .filters import Image, box_mean, grow_to, ramp, shrink_by
from .hot_places import FAINT, SMALL, HotPlaces, find_hot
from .options import Target

SHOWS_BETTER = 0.8, 1.2  # infrared over visible contrast, from which on the infrared image shows an object better
BESIDE = (1, 2), (3, 5)  # radii in the reduced image of a person, or a car, and of half of what is beside them
WARMER_THAN_BESIDE = 4 / 255, 12 / 255  # contrast with what is beside an object, from which on it is kept too
# share of the contrast that the visible image lacks which is added, and the most of it: who is faint needs it
EXTRA = {'keep': (0.4, 0.04), 'highlight': (0.6, 1.0)}


def lift_targets(fused: Image, sources: tuple[Image, Image], hot: HotPlaces, target: Target) -> Image:
    """Raises hot objects to the contrast that they have in the infrared image.

    An object is raised as a whole, so that its inner structure in the fused image is kept: first to its contrast with
    what is cold around it, then to that with what is beside it, which may be warm too. ``'keep'`` raises the objects
    that the infrared image shows better than the visible image, ``'highlight'`` raises all of them, and further.

    Args:
        fused: the fused image, a map, about 0 to 1: not clipped yet.
        sources: visible and infrared image, maps in [0, 1].
        hot: hot places of the infrared image.
        target: ``'keep'`` or ``'highlight'``.

    Returns:
        The fused image with them, a map, which :meth:`.PictureRule.finish` clips.
    """
    visible, infrared, ours = map(hot.from_cold, (*sources, fused))
    lifted = fused + hot.weight * grow_to(missing(ours, infrared, visible, target), fused)
    for radii in BESIDE:
        visible, infrared, ours = (from_beside(image, *radii) for image in (*sources, lifted))
        lacking = missing(ours, infrared, visible, target) * ramp(infrared, *WARMER_THAN_BESIDE)
        lifted = lifted + hot.weight * grow_to(lacking, fused)
    return lifted


def show_targets(fused: Image, sources: tuple[Image, Image], image: Image, target: Target) -> tuple[Image, Image]:
    """Restores the sky in the fused image and raises hot objects.

    Args:
        fused: the fused image with its detail, a map, about 0 to 1: not clipped yet.
        sources: visible and infrared image, maps in [0, 1].
        image: the visible image with its colours, in [0, 1].
        target: ``'keep'`` or ``'highlight'``.

    Returns:
        The fused image, see :func:`lift_targets`, and how far hot objects lose their colours, 0 to 1; both maps.
    """
    visible, infrared = sources
    sky = find_sky(visible)
    hot = find_hot(infrared, sky)
    fused = keep_sky(fused, visible, sky, hot.weight)
    lifted = lift_targets(fused, sources, hot, target)
    return lifted, drain(lifted - fused, visible, image, hot)


def missing(ours: Image, infrared: Image, visible: Image, target: Target) -> Image:
    """The contrast that an object lacks in the fused image, from its contrasts in all images.

    Args:
        ours, infrared, visible: contrasts in the fused image and in both sources, maps.
        target: ``'keep'`` or ``'highlight'``.

    Returns:
        A map of their size; at least 0.
    """
    share, most = EXTRA[target]
    wanted = infrared + (share * (infrared - visible)).clip(0, most)
    lacking = (wanted - ours).clip(min=0)
    return lacking * ramp(abs(infrared) / (abs(visible) + FAINT), *SHOWS_BETTER) if target == 'keep' else lacking


def from_beside(image: Image, inner: int, outer: int) -> Image:
    """Contrast of small windows with larger ones around them.

    Args:
        image: a map in [0, 1].
        inner, outer: radii of the windows in pixels of the reduced image.

    Returns:
        A map of the reduced size (by ``SMALL``).
    """
    small = shrink_by(image, SMALL)
    return box_mean(small, inner) - box_mean(box_mean(small, outer), outer)
