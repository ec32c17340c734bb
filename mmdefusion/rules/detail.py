"""Restores fine texture, for which the tokens have no room, from the sources that the network follows."""

import math

from .daylight import daylight
from .filters import (
    Image,
    blur,
    choose,
    grey,
    log,
    over,
    resize_to,
    shrink_by,
    sigmoid,
    size_of,
    window_means,
    with_border,
)
from .memory import FrameMemory
from .patches import PATCH_SIZE
from .pyramid import build_pyramid, expand, shrink

Pair = tuple[Image, Image]

NOISE = 1e-4  # mean square below which two images count as equal, so that the network's choice means nothing
FAINT = 1e-5  # activity below which a source has no detail
FLAT = 0.02  # contrast below which a source counts as flat, for a range of 1
NOTHING = 1e-8  # avoids division by zero
UNSURE = 0.02  # smallest share of either source
WINDOW = 8  # side of windows in the residual of the pyramid: 128 pixels of the image at four levels


class Detail:
    """Computes the fused image again, with the detail of the sources that the network leaves out.

    A token of 192 numbers for a patch of 16×16×3 pixels holds brightness and coarse structure, but no texture. It does
    tell which source the network follows in the patch: the fused image is nearer to the reconstruction of the first
    source alone, or of the second. So the sources are blended in a Laplacian pyramid. In each band, the source that is
    locally more active gives most of the detail, where activity is weighted with the network's share of the source;
    where the sources disagree, the detail is amplified, to make up for the detail of the other source that is lost.
    What is hardly more than noise in both sources is averaged and not amplified. The
    residual of the pyramid comes mostly from the source with more local contrast and brightness, again weighted with
    the network's share; that source is then favoured in the bands too, so that brightness and texture of a place come
    from one source.

    Where both sources are equal they agree, and weights sum to 1: an image fused with itself is returned exactly. The
    rule and its numbers were chosen on training pairs of RoadScene, FLIR and LLVIP (docs/fusion_record.md).

    Args:
        levels: levels of the pyramid; small images have fewer.
        boost: amplification of detail where the sources disagree, in the finest band; it fades to 0 at the coarsest.
        sharpness: exponent of the strength of a source in its weight: 0 takes the mean, a large number the stronger
            source only.
        guidance: exponent of the network's share in the strength.
        contrast: exponent of the contrast in the strength for the residual.
        brightness: influence of brightness on the strength for the residual: a factor of e for each ``1 / brightness``
            of the range.
        coherence: exponent in the strength for detail of the weights in the residual.
        noise: activity, for a range of 1, up to which detail is rather noise. Where both sources are below it, they are
            averaged and nothing is amplified.
        rest_sharpness: ``sharpness`` for the residual; None takes that for detail.
    """

    def __init__(
        self,
        levels: int = 4,
        boost: float = 0.4,
        sharpness: float = 6.0,
        guidance: float = 0.5,
        contrast: float = 1.0,
        brightness: float = 1.0,
        coherence: float = 0.25,
        noise: float = 0.0,
        rest_sharpness: float | None = None,
    ) -> None:
        self.levels = levels
        self.boost = boost
        self.sharpness = sharpness
        self.guidance = guidance
        self.contrast = contrast
        self.brightness = brightness
        self.coherence = coherence
        self.noise = noise
        self.rest_sharpness = sharpness if rest_sharpness is None else rest_sharpness

    def __call__(
        self,
        fused: Image,
        sources: Pair,
        reconstructed: Pair,
        day: bool = False,
        memory: FrameMemory | None = None,
    ) -> Image:
        """Computes the fused image with detail.

        Args:
            fused: the fused image that the network decodes, in [0, 1]; it may be smaller than the sources.
            sources: the sources, images of one size.
            reconstructed: each source fused with itself by the network, of the size of ``fused``.
            day: whether the first source is a visible image whose brightness by day is to be kept.
            memory: the weights of the frames before, of a video.

        Returns:
            An image of the size of the sources, not clipped.
        """
        levels = min(self.levels, max(0, int(math.log2(min(size_of(sources[0])))) - 2))
        ones, others = (build_pyramid(image, levels) for image in sources)
        share = network_share(fused, reconstructed)
        if memory:
            share = memory.smooth('share', share)
        followed = self.guidance * logit(share)
        rest = ones.pop(), others.pop()
        chosen = self.weigh_rest(rest, followed, day)
        if memory:
            chosen = memory.smooth('rest', chosen)
        picture = mix(*rest, chosen)
        favoured = self.coherence * logit(chosen.clip(UNSURE, 1 - UNSURE))
        active_ones, active_others = activity(ones), activity(others)
        for level in reversed(range(levels)):
            one, other = ones[level], others[level]
            floor = FAINT + self.noise
            active, active_other = active_ones[level], active_others[level]
            both = active + active_other
            sure = both / (both + 2 * self.noise + NOTHING)
            liked = resize_to(followed, one) + resize_to(favoured, one)
            weight = sigmoid(self.sharpness * (log_ratio(active, active_other, floor) + sure * liked))
            boost = self.boost * (1 - level / levels) * sure * disagreement(one, other)
            picture = expand(picture, size_of(one)) + mix(one, other, weight) * over(1 + boost, one)
        return picture

    def weigh_rest(self, rest: Pair, followed: Image, day: bool = False) -> Image:
        """Weight of the first source in the residual of the pyramid, a map, averaged over overlapping windows."""
        size = min(WINDOW, *size_of(rest[0]))
        (bright_a, contrast_a), (bright_b, contrast_b) = (window_statistics(image, size) for image in rest)
        stronger = (
            self.contrast * log_ratio(contrast_a, contrast_b, FLAT)
            + self.brightness * (bright_a - bright_b)
            + window_means(resize_to(followed, rest[0]), size)
        )
        if day:
            stronger = stronger + daylight(rest[0], bright_a)
        return mean_of_windows(sigmoid(self.rest_sharpness * stronger), size)


def mix(one: Image, other: Image, weight: Image) -> Image:
    return other + over(weight, one) * (one - other)


def logit(share: Image) -> Image:
    return log(share / (1 - share))


def log_ratio(one: Image, other: Image, floor: float) -> Image:
    return log((one + floor) / (other + floor))


def network_share(fused: Image, reconstructed: Pair) -> Image:
    """How far the network follows the first source around each patch: a map of patches, from 0 to 1.

    The least-squares position of the fused image between the second reconstruction (0) and the first (1); one half
    where both are equal.
    """
    one, other = reconstructed
    way = one - other
    gone, whole = (blur(shrink_by(image, PATCH_SIZE), times=4) for image in (grey((fused - other) * way), energy(way)))
    return ((gone + NOISE / 2) / (whole + NOISE)).clip(UNSURE, 1 - UNSURE)


def window_statistics(image: Image, size: int) -> tuple[Image, Image]:
    """Mean and standard deviation of grey in each window, maps of (H − size + 1)×(W − size + 1)."""
    values = grey(image)
    middle = values.mean()  # subtracted, or the difference of squares would lose precision
    values = values - middle
    mean, square = window_means(values, size), window_means(values * values, size)
    return mean + middle, (square - mean * mean).clip(min=0) ** 0.5


def mean_of_windows(values: Image, size: int) -> Image:
    """For each pixel the mean over the windows that contain it, a map, from the values of all windows."""
    total, count = (window_means(with_border(image, size - 1), size) for image in (values, values * 0 + 1))
    return total / count


def activity(bands: list[Image]) -> list[Image]:
    """Local activity of each band, a map; the activity of finer bands is added."""
    active = []
    for band in bands:
        here = blur(grey(abs(band)), times=2)
        active.append(here + shrink(active[-1]) if active else here)
    return active


def disagreement(one: Image, other: Image) -> Image:
    """Local disagreement of two bands, a map: 0 if they are multiples of each other, 1 if they are uncorrelated."""
    product = blur(grey(one * other), times=2)
    norms = blur(energy(one), times=2) * blur(energy(other), times=2)
    same = grey(abs(one - other)) == 0
    return choose(same, 0.0, 1 - abs(product / (norms**0.5 + NOTHING)))


def energy(image: Image) -> Image:
    """Mean square over the channels, a map."""
    return grey(image * image)
