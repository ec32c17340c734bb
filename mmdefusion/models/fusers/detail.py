"""Fine texture, which the network's code for a patch has no room for, taken from the sources as the network chooses."""

import math

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate, pad

from mmdefusion.registry import MODELS

from ..layers import PATCH_SIZE
from ..structures import Pair
from .daylight import daylight
from .pyramid import blur, build_pyramid, expand, shrink

NOISE = 1e-4  # mean square below which two pictures do not differ: the network's choice between them means nothing
FAINT = 1e-5  # activity, and
FLAT = 0.02  # contrast, below which there is none to choose by; of a range of 1
NOTHING = 1e-8  # energy of an image without any
UNSURE = 0.02  # a share that nearly every choice leaves to the other source
WINDOW = 8  # side of windows in what is left under the bands: 128 pixels of the picture at four levels


@MODELS.register_module()
class ResidualDetail:
    """Draws the fused picture again with what the network leaves out of each source.

    192 numbers for a patch of 16×16×3 pixels hold its brightness and coarse forms, not its texture. They do say which
    of the sources the network follows in that patch: its fused picture is nearer to what it makes of the first source
    alone, or of the second. So whole sources, what the network holds of them and the residual that it does not, are
    joined in the bands of a Laplacian pyramid. In each band and place the source that is more active there gives most
    of the detail, activity weighted with the network's share of it; where the two sources disagree the detail is
    strengthened, to make up for the other's that is lost. What is left under the bands comes mostly from the source of
    more contrast and brightness there, again weighted with the network's share; that source is then favoured in the
    bands too, so that brightness and texture of a place belong together.

    Where both sources are the same they agree, and weights sum to 1: a picture fused with itself comes back exactly.
    The rule and its numbers were chosen on training pairs of RoadScene, FLIR and LLVIP (docs/fusion.md).

    Args:
        levels: of the pyramid; fewer in pictures too small for them.
        boost: how much detail grows where the sources disagree: in the finest band, fading to nothing at the coarse
            end.
        sharpness: exponent of a source's strength in its weight: 0 for the mean of both, more for the stronger alone.
        guidance: exponent of the network's share in that strength.
        contrast: exponent of the contrast in the strength of what is left under the bands.
        brightness: how much brighter is stronger there: by a factor of e for each ``1 / brightness`` of the range.
        coherence: exponent, in the strength of detail, of the choice of what is left under the bands.
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
    ) -> None:
        self.levels = levels
        self.boost = boost
        self.sharpness = sharpness
        self.guidance = guidance
        self.contrast = contrast
        self.brightness = brightness
        self.coherence = coherence

    def __call__(self, fused: Tensor, sources: Pair, reconstructed: Pair, day: bool = False) -> Tensor:
        """The fused picture with detail.

        Args:
            fused: C×H×W, as the network draws it.
            sources: C×H×W each.
            reconstructed: each source fused with itself, C×H×W.
            day: whether the first source is a visible image whose brightness by day is to stay.
        """
        levels = min(self.levels, max(0, int(math.log2(min(fused.shape[-2:]))) - 2))
        bands = Pair(*(build_pyramid(image, levels) for image in sources))
        followed = self.guidance * network_share(fused, reconstructed).logit()
        rest = Pair(bands.a.pop(), bands.b.pop())
        chosen = self.weigh_rest(rest, followed, day)
        picture = mix(rest.a, rest.b, chosen)
        favoured = self.coherence * chosen.clip(UNSURE, 1 - UNSURE).logit()
        active = Pair(*(activity(side) for side in bands))
        for level in reversed(range(levels)):
            one, other = bands.a[level], bands.b[level]
            stronger = (
                log_ratio(active.a[level], active.b[level], FAINT) + resample(followed, one) + resample(favoured, one)
            )
            detail = mix(one, other, self.weigh(stronger))
            boost = self.boost * (1 - level / levels)
            picture = expand(picture, one.shape[-2:]) + detail * (1 + boost * disagreement(one, other))
        return picture

    def weigh_rest(self, rest: Pair, followed: Tensor, day: bool = False) -> Tensor:
        """Weight of the first source in what is left under the bands: the mean over windows that overlap."""
        size = min(WINDOW, *rest.a.shape[-2:])
        (bright_a, contrast_a), (bright_b, contrast_b) = (window_statistics(image, size) for image in rest)
        stronger = (
            self.contrast * log_ratio(contrast_a, contrast_b, FLAT)
            + self.brightness * (bright_a - bright_b)
            + avg_pool2d(resample(followed, rest.a), size, stride=1)
        )
        if day:
            stronger = stronger + daylight(rest.a, bright_a)
        return mean_of_windows(self.weigh(stronger), size)

    def weigh(self, stronger: Tensor) -> Tensor:
        """Weight of the first source, from the logarithm of how many times it is as strong as the second."""
        return torch.sigmoid(self.sharpness * stronger)


def mix(one: Tensor, other: Tensor, weight: Tensor) -> Tensor:
    return other + weight * (one - other)


def log_ratio(one: Tensor, other: Tensor, floor: float) -> Tensor:
    return ((one + floor) / (other + floor)).log()


def network_share(fused: Tensor, reconstructed: Pair) -> Tensor:
    """How far the network follows the first source in each of its patches and their surroundings: 1×h×w, from 0 to 1.

    The place of the fused picture on the way from the second reconstruction to the first, in the sense of least
    squares; one half where the two are the same.
    """
    way = reconstructed.a - reconstructed.b
    gone = ((fused - reconstructed.b) * way).mean(0, keepdim=True)
    gone, whole = (blur(to_patches(image), times=4) for image in (gone, energy(way)))
    return ((gone + NOISE / 2) / (whole + NOISE)).clip(UNSURE, 1 - UNSURE)


def window_statistics(image: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of grey in each window, 1×(H − size + 1)×(W − size + 1)."""
    grey = image.mean(0, keepdim=True)
    middle = grey.mean()  # taken off, or the difference of squares would lose what is faint
    mean, square = (avg_pool2d(picture, size, stride=1) for picture in (grey - middle, (grey - middle).square()))
    return mean + middle, (square - mean.square()).clip(min=0).sqrt()


def mean_of_windows(values: Tensor, size: int) -> Tensor:
    """For each pixel the mean of the values of the windows that hold it, 1×H×W."""
    total, count = (
        avg_pool2d(pad(image, (size - 1,) * 4), size, stride=1) for image in (values, torch.ones_like(values))
    )
    return total / count


def to_patches(image: Tensor) -> Tensor:
    """Means over the network's patches."""
    return avg_pool2d(image[None], PATCH_SIZE, ceil_mode=True, count_include_pad=False)[0]


def resample(share: Tensor, like: Tensor) -> Tensor:
    """``share`` in the size of ``like``."""
    return interpolate(share[None], like.shape[-2:], mode='bilinear', antialias=True)[0]


def activity(bands: list[Tensor]) -> list[Tensor]:
    """How active each band is around each pixel, 1×h×w; what is active in finer bands is active here."""
    active = []
    for band in bands:
        here = blur(band.abs().mean(0, keepdim=True), times=2)
        active.append(here + shrink(active[-1]) if active else here)
    return active


def disagreement(one: Tensor, other: Tensor) -> Tensor:
    """Disagreement of two bands around each pixel, 1×H×W: 0 for multiples of each other, 1 with nothing in common."""
    product = blur((one * other).mean(0, keepdim=True), times=2)
    norms = blur(energy(one), times=2) * blur(energy(other), times=2)
    same = (one == other).all(0, keepdim=True)
    return torch.where(same, 0.0, 1 - (product / (norms.sqrt() + NOTHING)).abs())


def energy(image: Tensor) -> Tensor:
    """Mean square over the channels of each pixel, 1×H×W."""
    return image.square().mean(0, keepdim=True)
