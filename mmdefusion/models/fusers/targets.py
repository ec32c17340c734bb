"""Lets warm people and cars stand out in the fused image as they do in the infrared image."""

from dataclasses import dataclass

from torch import Tensor

from mmdefusion.rules.options import Target

from ..structures import Pair
from .filters import box_mean, grow_to, ramp, shrink_by
from .pyramid import blur

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
        weight: 1×H×W, 1 at hot places, 0 elsewhere.
        cold: 1×h×w, 1 where the reduced image is neither hot nor sky.
        radius: radius of the surroundings in the reduced image.
    """

    weight: Tensor
    cold: Tensor
    radius: int

    def around(self, small: Tensor) -> Tensor:
        """Mean of the surroundings without hot places, 1×h×w."""
        return background(small, self.cold, self.radius)


def find_hot(infrared: Tensor, sky: Tensor) -> HotPlaces:
    """Finds what is hot against its own surroundings, not the whole image: a person on warm ground, not the ground.

    The sky is no surroundings, as all is warm against a clear one, trees and roofs too; and nothing in it is hot, as
    what is warm there are mostly edges that are not aligned.

    Args:
        infrared: 1×H×W in [0, 1]; hot is bright.
        sky: weight of the sky, 1×H×W, 0 to 1.
    """
    small, ground = shrink_by(infrared, SMALL), 1 - ramp(shrink_by(sky, SMALL), *NO_GROUND)
    radius = max(2, round(SURROUNDINGS * max(small.shape[-2:])))
    cold = ground
    for _ in range(PASSES):
        surroundings = background(small, cold, radius)
        warmer = small - surroundings
        counted = warmer[ground >= 0.5 * ground.max()]
        spread = 1.4826 * (counted - counted.median()).abs().median()
        enough = (SPREADS * spread).clip(min=LEAST_WARMER)
        cold = ground * (1 - ramp(warmer, 0.5 * enough, enough))
    weight = ramp(infrared - grow_to(surroundings, infrared), 0.6 * enough, 1.4 * enough)
    return HotPlaces(blur(weight) * (1 - sky.square()), cold, radius)


def lift_targets(fused: Tensor, sources: Pair, hot: HotPlaces, target: Target) -> tuple[Tensor, Tensor]:
    """Raises hot objects to the contrast that they have in the infrared image.

    An object is raised as a whole, so that its inner structure in the fused image is kept: first to its contrast with
    what is cold around it, then to that with what is beside it, which may be warm too. ``'keep'`` raises the objects
    that the infrared image shows better than the visible image, ``'highlight'`` raises all of them, and further.

    Args:
        fused: 1×H×W.
        sources: visible and infrared image, 1×H×W.
        hot: hot places of the infrared image.
        target: ``'keep'`` or ``'highlight'``.

    Returns:
        The fused image, and how far hot objects lose their colours, 0 to 1; both 1×H×W.
    """
    weight = shrink_by(hot.weight, SMALL)
    inside = mean_of_objects(weight) + FAINT

    def from_cold(image: Tensor) -> Tensor:
        small = shrink_by(image, SMALL)
        return mean_of_objects(weight * (small - hot.around(small))) / inside

    visible, infrared, ours = from_cold(sources.a), from_cold(sources.b), from_cold(fused)
    total = hot.weight * grow_to(missing(ours, infrared, visible, target), fused)
    for radii in BESIDE:
        visible, infrared, ours = (from_beside(image, *radii) for image in (*sources, fused + total))
        lacking = missing(ours, infrared, visible, target) * ramp(infrared, *WARMER_THAN_BESIDE)
        total = total + hot.weight * grow_to(lacking, fused)
    return fused + total, ramp(total, *DRAINED)


def missing(ours: Tensor, infrared: Tensor, visible: Tensor, target: Target) -> Tensor:
    """The contrast that an object lacks in the fused image, from its contrasts in all images, 1×h×w each."""
    wanted = infrared + EXTRA[target] * (infrared - visible).clip(min=0)
    lacking = (wanted - ours).clip(min=0)
    return lacking * ramp(infrared.abs() / (visible.abs() + FAINT), *SHOWS_BETTER) if target == 'keep' else lacking


def from_beside(image: Tensor, inner: int, outer: int) -> Tensor:
    """Contrast of small windows with larger ones around them, in the reduced image."""
    small = shrink_by(image, SMALL)
    return box_mean(small, inner) - box_mean(box_mean(small, outer), outer)


def background(small: Tensor, cold: Tensor, radius: int) -> Tensor:
    """Mean over the cold surroundings of each pixel; over all surroundings if none are cold."""
    some = 0.02

    def around(image: Tensor) -> Tensor:
        return box_mean(box_mean(image, radius), radius)

    return (around(small * cold) + some * around(small)) / (around(cold) + some)


def mean_of_objects(image: Tensor) -> Tensor:
    return box_mean(box_mean(image, OBJECT), OBJECT)
