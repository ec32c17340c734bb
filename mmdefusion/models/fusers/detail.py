"""Restores fine texture, for which the tokens have no room, from the sources that the network follows."""

import math

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate, pad

from mmdefusion.registry import MODELS

from ..layers import PATCH_SIZE
from ..structures import Pair
from .daylight import daylight
from .memory import FrameMemory
from .pyramid import blur, build_pyramid, expand, shrink

NOISE = 1e-4  # mean square below which two images count as equal, so that the network's choice means nothing
FAINT = 1e-5  # activity below which a source has no detail
FLAT = 0.02  # contrast below which a source counts as flat, for a range of 1
NOTHING = 1e-8  # avoids division by zero
UNSURE = 0.02  # smallest share of either source
WINDOW = 8  # side of windows in the residual of the pyramid: 128 pixels of the image at four levels


@MODELS.register_module()
class ResidualDetail:
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
    rule and its numbers were chosen on training pairs of RoadScene, FLIR and LLVIP (docs/fusion.md).

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
        fused: Tensor,
        sources: Pair,
        reconstructed: Pair,
        day: bool = False,
        memory: FrameMemory | None = None,
    ) -> Tensor:
        """Computes the fused image with detail.

        Args:
            fused: the fused image that the network decodes, C×h×w in [0, 1]; it may be smaller than the sources.
            sources: the sources, C×H×W each.
            reconstructed: each source fused with itself by the network, C×h×w each.
            day: whether the first source is a visible image whose brightness by day is to be kept.
            memory: the weights of the frames before, of a video.

            Returns:
                C×H×W, not clipped.
        """
        levels = min(self.levels, max(0, int(math.log2(min(sources.a.shape[-2:]))) - 2))
        bands = Pair(*(build_pyramid(image, levels) for image in sources))
        share = network_share(fused, reconstructed)
        if memory:
            share = memory.smooth('share', share)
        followed = self.guidance * share.logit()
        rest = Pair(bands.a.pop(), bands.b.pop())
        chosen = self.weigh_rest(rest, followed, day)
        if memory:
            chosen = memory.smooth('rest', chosen)
        picture = mix(rest.a, rest.b, chosen)
        favoured = self.coherence * chosen.clip(UNSURE, 1 - UNSURE).logit()
        active = Pair(*(activity(side) for side in bands))
        for level in reversed(range(levels)):
            one, other = bands.a[level], bands.b[level]
            floor = FAINT + self.noise
            both = active.a[level] + active.b[level]
            sure = both / (both + 2 * self.noise + NOTHING)
            liked = resample(followed, one) + resample(favoured, one)
            weight = torch.sigmoid(self.sharpness * (log_ratio(active.a[level], active.b[level], floor) + sure * liked))
            boost = self.boost * (1 - level / levels) * sure * disagreement(one, other)
            picture = expand(picture, one.shape[-2:]) + mix(one, other, weight) * (1 + boost)
        return picture

    def weigh_rest(self, rest: Pair, followed: Tensor, day: bool = False) -> Tensor:
        """Weight of the first source in the residual of the pyramid, averaged over overlapping windows: 1×h×w."""
        size = min(WINDOW, *rest.a.shape[-2:])
        (bright_a, contrast_a), (bright_b, contrast_b) = (window_statistics(image, size) for image in rest)
        stronger = (
            self.contrast * log_ratio(contrast_a, contrast_b, FLAT)
            + self.brightness * (bright_a - bright_b)
            + avg_pool2d(resample(followed, rest.a), size, stride=1)
        )
        if day:
            stronger = stronger + daylight(rest.a, bright_a)
        return mean_of_windows(torch.sigmoid(self.rest_sharpness * stronger), size)


def mix(one: Tensor, other: Tensor, weight: Tensor) -> Tensor:
    return other + weight * (one - other)


def log_ratio(one: Tensor, other: Tensor, floor: float) -> Tensor:
    return ((one + floor) / (other + floor)).log()


def network_share(fused: Tensor, reconstructed: Pair) -> Tensor:
    """How far the network follows the first source around each patch: 1×h×w, from 0 to 1.

    The least-squares position of the fused image between the second reconstruction (0) and the first (1); one half
    where both are equal.
    """
    way = reconstructed.a - reconstructed.b
    gone = ((fused - reconstructed.b) * way).mean(0, keepdim=True)
    gone, whole = (blur(to_patches(image), times=4) for image in (gone, energy(way)))
    return ((gone + NOISE / 2) / (whole + NOISE)).clip(UNSURE, 1 - UNSURE)


def window_statistics(image: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of grey in each window, 1×(H − size + 1)×(W − size + 1)."""
    grey = image.mean(0, keepdim=True)
    middle = grey.mean()  # subtracted, or the difference of squares would lose precision
    mean, square = (avg_pool2d(picture, size, stride=1) for picture in (grey - middle, (grey - middle).square()))
    return mean + middle, (square - mean.square()).clip(min=0).sqrt()


def mean_of_windows(values: Tensor, size: int) -> Tensor:
    """For each pixel the mean over the windows that contain it, 1×H×W."""
    total, count = (
        avg_pool2d(pad(image, (size - 1,) * 4), size, stride=1) for image in (values, torch.ones_like(values))
    )
    return total / count


def to_patches(image: Tensor) -> Tensor:
    """Means over the patches: C×H×W to C×h×w."""
    return avg_pool2d(image[None], PATCH_SIZE, ceil_mode=True, count_include_pad=False)[0]


def resample(share: Tensor, like: Tensor) -> Tensor:
    """Resizes ``share`` to the size of ``like``."""
    return interpolate(share[None], like.shape[-2:], mode='bilinear', antialias=True)[0]


def activity(bands: list[Tensor]) -> list[Tensor]:
    """Local activity of each band, 1×h×w; the activity of finer bands is added."""
    active = []
    for band in bands:
        here = blur(band.abs().mean(0, keepdim=True), times=2)
        active.append(here + shrink(active[-1]) if active else here)
    return active


def disagreement(one: Tensor, other: Tensor) -> Tensor:
    """Local disagreement of two bands, 1×H×W: 0 if they are multiples of each other, 1 if they are uncorrelated."""
    product = blur((one * other).mean(0, keepdim=True), times=2)
    norms = blur(energy(one), times=2) * blur(energy(other), times=2)
    same = (one == other).all(0, keepdim=True)
    return torch.where(same, 0.0, 1 - (product / (norms.sqrt() + NOTHING)).abs())


def energy(image: Tensor) -> Tensor:
    """Mean square over the channels, 1×H×W."""
    return image.square().mean(0, keepdim=True)
