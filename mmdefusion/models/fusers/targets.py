"""Warm people and cars that stand out in the infrared image stand out in the fused one."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from ..structures import Pair
from .filters import box_mean, grow_to, ramp, shrink_by
from .pyramid import blur

Target = Literal['keep', 'highlight', 'off']

SMALL = 4  # what is found at the scale of people is found on images smaller by this
SURROUNDINGS = 0.05  # radius of what an object is compared with, of the longest side
LEAST_WARMER = 12 / 255  # than the surroundings; and
SPREADS = 2.0  # times the spread of such differences in the image
PASSES = 3  # of finding surroundings without what is hot in them
OBJECT = 3  # radius of windows whose mean is an object's, in the small image
FAINT = 1e-3
SHOWS_BETTER = 0.8, 1.2  # of the visible contrast: from where on the infrared image shows an object better
DRAINED = 0.02, 0.1  # of the range by which an object was raised: from where on its colours go
EXTRA = {'keep': 0.15, 'highlight': 0.6}  # of what the visible image lacks, on top of the infrared contrast


@dataclass(frozen=True)
class HotPlaces:
    """Where the infrared image is warmer than its surroundings.

    Attributes:
        weight: 1×H×W, 0 to 1.
        cold: 1×h×w, 1 where the surroundings are not hot.
        radius: of the surroundings, in the small image.
    """

    weight: Tensor
    cold: Tensor
    radius: int

    def around(self, small: Tensor) -> Tensor:
        """Mean of the surroundings without what is hot in them, 1×h×w."""
        return background(small, self.cold, self.radius)


def find_hot(infrared: Tensor) -> HotPlaces:
    """Hot against its own surroundings, not against the image: a person on warm ground, not the ground.

    Args:
        infrared: 1×H×W in [0, 1], white hot.
    """
    small = shrink_by(infrared, SMALL)
    radius = max(2, round(SURROUNDINGS * max(small.shape[-2:])))
    cold = torch.ones_like(small)
    for _ in range(PASSES):
        surroundings = background(small, cold, radius)
        warmer = small - surroundings
        spread = 1.4826 * (warmer - warmer.median()).abs().median()
        enough = (SPREADS * spread).clip(min=LEAST_WARMER)
        cold = 1 - ramp(warmer, 0.5 * enough, enough)
    weight = ramp(infrared - grow_to(surroundings, infrared), 0.6 * enough, 1.4 * enough)
    return HotPlaces(blur(weight), cold, radius)


def lift_targets(fused: Tensor, sources: Pair, hot: HotPlaces, target: Target) -> tuple[Tensor, Tensor]:
    """Raises hot objects to the contrast that the infrared image shows them with.

    An object is raised as a whole, so that what the fused image shows inside it stays. ``'keep'`` raises those that
    the infrared image shows better than the visible one, ``'highlight'`` all of them, and further.

    Args:
        fused: 1×H×W.
        sources: visible and infrared, 1×H×W.
        hot: of the infrared one.
        target: ``'keep'`` or ``'highlight'``.

    Returns:
        The fused image, and how far colours are painted over by what is hot, 0 to 1, both 1×H×W.
    """
    weight = shrink_by(hot.weight, SMALL)
    inside = mean_of_objects(weight) + FAINT

    def contrast(image: Tensor) -> Tensor:
        small = shrink_by(image, SMALL)
        return mean_of_objects(weight * (small - hot.around(small))) / inside

    visible, infrared, ours = contrast(sources.a), contrast(sources.b), contrast(fused)
    wanted = infrared + EXTRA[target] * (infrared - visible).clip(min=0)
    raised = (wanted - ours).clip(min=0)
    if target == 'keep':
        raised = raised * ramp(infrared.abs() / (visible.abs() + FAINT), *SHOWS_BETTER)
    raised = hot.weight * grow_to(raised, fused)
    return fused + raised, ramp(raised, *DRAINED)


def background(small: Tensor, cold: Tensor, radius: int) -> Tensor:
    """Mean around each pixel over what is cold; over everything where nothing is."""
    some = 0.02

    def around(image: Tensor) -> Tensor:
        return box_mean(box_mean(image, radius), radius)

    return (around(small * cold) + some * around(small)) / (around(cold) + some)


def mean_of_objects(image: Tensor) -> Tensor:
    return box_mean(box_mean(image, OBJECT), OBJECT)
