"""Finds warm people and cars in the infrared image: what is small and warmer than its own surroundings."""

from dataclasses import dataclass

from .filters import Image, blur, box_mean, greatest_above, grow_to, largest, median, ramp, shrink_by, size_of

SMALL = 4  # factor by which images are reduced to find objects
NO_GROUND = 0.1, 0.6  # weight of the sky, from which on a place is no surroundings of an object
CLEAR_SKY = 0.4, 0.7  # warmth relative to the median, up to which a place is no surroundings: a clear sky, day or night
ANY_WARMTH = 0.04, 0.1  # median from which on something can be far colder: a black background is no sky
SURROUNDINGS = 0.05  # radius of the surroundings of an object, relative to the longest side
LEAST_WARMER = 12 / 255  # a hot object is warmer than its surroundings by this,
SPREADS = 2.0  # and by this many times the spread of such differences on the ground
PASSES = 3  # passes to find surroundings without hot objects in them
WIDEST = 0.3  # width from which on something warm is a surface and no object, relative to the longest side
WARMER_THAN_ASIDE = 6 / 255, 18 / 255  # how much warmer an object is than what is at its left or right
OBJECT = 3  # radius in the reduced image of the windows that average an object
FAINT = 1e-3


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

    def from_cold(self, image: Image) -> Image:
        """How much objects differ from their surroundings without hot places, a map of the reduced size.

        Args:
            image: a map, in the unit of the result.
        """
        weight, small = shrink_by(self.weight, SMALL), shrink_by(image, SMALL)
        differs = weight * (small - background(small, self.cold, self.radius))
        return mean_of_objects(differs) / (mean_of_objects(weight) + FAINT)


def find_hot(infrared: Image, sky: Image) -> HotPlaces:
    """Finds what is hot against its own surroundings, not the whole image: a person on warm ground, not the ground.

    The sky is no surroundings, as all is warm against a clear one, trees, roofs and the end of the road too; and
    nothing in it is hot, as what is warm there are mostly edges that are not aligned. A clear sky is much colder than
    most of the image, from its upper edge on, so it is known by night too. What is wide is a road or a wall, and no
    object.

    Args:
        infrared: a map in [0, 1]; hot is bright.
        sky: weight of the sky of the visible image, a map, 0 to 1.
    """
    small, ground = shrink_by(infrared, SMALL), 1 - ramp(shrink_by(sky, SMALL), *NO_GROUND)
    most = median(small[ground >= 0.5 * ground.max()])
    clear_sky = ramp(most, *ANY_WARMTH) * (1 - ramp(greatest_above(small) / (most + FAINT), *CLEAR_SKY))
    ground = ground * (1 - clear_sky)
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
    narrow = grow_to(ramp(warmer_than_aside(small), *WARMER_THAN_ASIDE), infrared)
    return HotPlaces(blur(weight) * narrow * (1 - sky * sky), cold, radius)


def warmer_than_aside(small: Image) -> Image:
    """How much warmer something narrow is than what is beside it: a white top-hat along rows of the reduced image."""
    smooth = box_mean(small, 1)
    half = max(2, round(WIDEST / 2 * max(size_of(small))))
    return smooth - largest(-largest(-smooth, 0, half), 0, half)


def background(small: Image, cold: Image, radius: int) -> Image:
    """Mean over the cold surroundings of each pixel; over all surroundings if none are cold."""
    some = 0.02

    def around(image: Image) -> Image:
        return box_mean(box_mean(image, radius), radius)

    return (around(small * cold) + some * around(small)) / (around(cold) + some)


def mean_of_objects(image: Image) -> Image:
    return box_mean(box_mean(image, OBJECT), OBJECT)
