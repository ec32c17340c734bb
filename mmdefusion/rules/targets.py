"""Lets warm people and cars stand out in the fused image as they do in the infrared image."""

from dataclasses import dataclass

from .daylight import find_sky, keep_sky
from .filters import Image, blur, box_mean, grow_to, median, ramp, shrink_by, size_of
from .options import Target

SMALL = 4  # factor by which images are reduced to find objects
NO_GROUND = 0.1, 0.6  # weight of the sky, from which on a place is no surroundings of an object
SURROUNDINGS = 0.05  # radius of the surroundings of an object, relative to the longest side
LEAST_WARMER = 12 / 255  # a hot object is warmer than its surroundings by this,
SPREADS = 2.0  # and by this many times the spread of such differences on the ground
PASSES = 3  # passes to find surroundings without hot objects in them
OBJECT = 3  # radius in the reduced image of the windows that average an object
FAINT = 1e-3
SHOWS_BETTER = 0.8, 1.2  # infrared over visible contrast, from which on the infrared image shows an object better
DRAINED = 0.02, 0.1  # amount by which an object is raised, from which on it loses its colours
BESIDE = (1, 2), (3, 5)  # radii in the reduced image of a person, or a car, and of half of what is beside them
WARMER_THAN_BESIDE = 4 / 255, 12 / 255  # contrast with what is beside an object, from which on it is kept too
EXTRA = {'keep': 0.15, 'highlight': 0.6}  # share of the contrast that the visible image lacks, which is added


@dataclass(frozen=True)
class HotPlaces:
    """Where the infrared image is warmer than its surroundings.

    Attributes:
        weight: a map, 1 at hot places, 0 elsewhere.
        cold: a map of the reduced size, 1 where the reduced image is neither hot nor sky.
        radius: radius of the surroundings in the reduced image.
    """

    weight: Image
    cold: Image
    radius: int

    def around(self, small: Image) -> Image:
        """Mean of the surroundings without hot places, a map of the reduced size."""
        return background(small, self.cold, self.radius)


def find_hot(infrared: Image, sky: Image) -> HotPlaces:
    """Finds what is hot against its own surroundings, not the whole image: a person on warm ground, not the ground.

    The sky is no surroundings, as all is warm against a clear one, trees and roofs too; and nothing in it is hot, as
    what is warm there are mostly edges that are not aligned.

    Args:
        infrared: a map in [0, 1]; hot is bright.
        sky: weight of the sky, a map, 0 to 1.
    """
    small, ground = shrink_by(infrared, SMALL), 1 - ramp(shrink_by(sky, SMALL), *NO_GROUND)
    radius = max(2, round(SURROUNDINGS * max(size_of(small))))
    cold = ground
    for _ in range(PASSES):
        surroundings = background(small, cold, radius)
        warmer = small - surroundings
        counted = warmer[ground >= 0.5 * ground.max()]
        spread = 1.4826 * median(abs(counted - median(counted)))
        enough = (SPREADS * spread).clip(min=LEAST_WARMER)
        cold = ground * (1 - ramp(warmer, 0.5 * enough, enough))
    weight = ramp(infrared - grow_to(surroundings, infrared), 0.6 * enough, 1.4 * enough)
    return HotPlaces(blur(weight) * (1 - sky * sky), cold, radius)


def lift_targets(fused: Image, sources: tuple[Image, Image], hot: HotPlaces, target: Target) -> tuple[Image, Image]:
    """Raises hot objects to the contrast that they have in the infrared image.

    An object is raised as a whole, so that its inner structure in the fused image is kept: first to its contrast with
    what is cold around it, then to that with what is beside it, which may be warm too. ``'keep'`` raises the objects
    that the infrared image shows better than the visible image, ``'highlight'`` raises all of them, and further.

    Args:
        fused: a map.
        sources: visible and infrared image, maps.
        hot: hot places of the infrared image.
        target: ``'keep'`` or ``'highlight'``.

    Returns:
        The fused image, and how far hot objects lose their colours, 0 to 1; both maps.
    """
    weight = shrink_by(hot.weight, SMALL)
    inside = mean_of_objects(weight) + FAINT

    def from_cold(image: Image) -> Image:
        small = shrink_by(image, SMALL)
        return mean_of_objects(weight * (small - hot.around(small))) / inside

    visible, infrared, ours = map(from_cold, (*sources, fused))
    total = hot.weight * grow_to(missing(ours, infrared, visible, target), fused)
    for radii in BESIDE:
        visible, infrared, ours = (from_beside(image, *radii) for image in (*sources, fused + total))
        lacking = missing(ours, infrared, visible, target) * ramp(infrared, *WARMER_THAN_BESIDE)
        total = total + hot.weight * grow_to(lacking, fused)
    return fused + total, ramp(total, *DRAINED)


def show_targets(fused: Image, visible: Image, infrared: Image, target: Target) -> tuple[Image, Image]:
    """Restores the sky in the fused image and raises hot objects.

    Args:
        fused: a map, with detail.
        visible, infrared: the sources, maps.
        target: ``'keep'`` or ``'highlight'``.

    Returns:
        As :func:`lift_targets`.
    """
    sky = find_sky(visible)
    hot = find_hot(infrared, sky)
    return lift_targets(keep_sky(fused, visible, sky, hot.weight), (visible, infrared), hot, target)


def missing(ours: Image, infrared: Image, visible: Image, target: Target) -> Image:
    """The contrast that an object lacks in the fused image, from its contrasts in all images."""
    wanted = infrared + EXTRA[target] * (infrared - visible).clip(min=0)
    lacking = (wanted - ours).clip(min=0)
    return lacking * ramp(abs(infrared) / (abs(visible) + FAINT), *SHOWS_BETTER) if target == 'keep' else lacking


def from_beside(image: Image, inner: int, outer: int) -> Image:
    """Contrast of small windows with larger ones around them, in the reduced image."""
    small = shrink_by(image, SMALL)
    return box_mean(small, inner) - box_mean(box_mean(small, outer), outer)


def background(small: Image, cold: Image, radius: int) -> Image:
    """Mean over the cold surroundings of each pixel; over all surroundings if none are cold."""
    some = 0.02

    def around(image: Image) -> Image:
        return box_mean(box_mean(image, radius), radius)

    return (around(small * cold) + some * around(small)) / (around(cold) + some)


def mean_of_objects(image: Image) -> Image:
    return box_mean(box_mean(image, OBJECT), OBJECT)
