"""Fine texture, which the network's code for a patch has no room for, taken from the sources as the network chooses."""

import math

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from mmdefusion.registry import MODELS

from ..backbones.defusion_encoder import PATCH_SIZE
from ..structures import Pair
from .pyramid import blur, build_pyramid, expand, shrink

NOISE = 1e-4  # mean square below which two pictures do not differ: the network's choice between them means nothing
NOTHING = 1e-8  # energy of an image without any


@MODELS.register_module()
class ResidualDetail:
    """Draws the fused picture again with what the network leaves out of each source.

    192 numbers for a patch of 16×16×3 pixels hold its brightness and coarse forms, not its texture. They do say which
    of the sources the network follows in that patch: its fused picture is nearer to what it makes of the first source
    alone, or of the second. So whole sources, what the network holds of them and the residual that it does not, are
    joined in the bands of a Laplacian pyramid. In each band and place the source gives its detail that is more active
    there, activity weighted with the network's share of it; where the two sources disagree the detail is strengthened,
    to make up for the other's that is lost. What is left under the bands comes from the source of more contrast, again
    weighted with the network's share.

    Where both sources are the same they agree, and weights sum to 1: a picture fused with itself comes back exactly.
    The rule and its numbers were chosen on training pairs of RoadScene, FLIR and LLVIP (docs/fusion.md).

    Args:
        levels: of the pyramid; fewer in pictures too small for them.
        boost: how much detail grows where the sources disagree: in the finest band, fading to nothing at the coarse
            end.
        guidance: exponent of the network's share in these choices; 0 leaves them to activity and contrast alone.
        sharpness: exponent of the contrast in the choice of what is left under the bands; 0 leaves it to the network.
    """

    def __init__(self, levels: int = 6, boost: float = 0.5, guidance: float = 1.0, sharpness: float = 8.0) -> None:
        self.levels = levels
        self.boost = boost
        self.guidance = guidance
        self.sharpness = sharpness

    def __call__(self, fused: Tensor, sources: Pair, reconstructed: Pair) -> Tensor:
        """The fused picture with detail.

        Args:
            fused: C×H×W, as the network draws it.
            sources: C×H×W each.
            reconstructed: each source fused with itself, C×H×W.
        """
        levels = min(self.levels, max(0, int(math.log2(min(fused.shape[-2:]))) - 2))
        bands = Pair(*(build_pyramid(image, levels) for image in sources))
        share = torch.sigmoid(self.guidance * network_share(fused, reconstructed).logit())
        picture = self.join_rest(bands.a.pop(), bands.b.pop(), share)
        active = Pair(*(activity(side) for side in bands))
        for level in reversed(range(levels)):
            one, other = bands.a[level], bands.b[level]
            wanted = resample(share, one)
            first = active.a[level] * wanted > active.b[level] * (1 - wanted)
            boost = self.boost * (1 - level / levels)
            detail = torch.where(first, one, other) * (1 + boost * disagreement(one, other))
            picture = expand(picture, one.shape[-2:]) + detail
        return picture

    def join_rest(self, one: Tensor, other: Tensor, share: Tensor) -> Tensor:
        """What is left under the bands of both sources, from the one of more contrast."""
        first, second = (blur(energy(image - image.mean((1, 2), keepdim=True)), times=4) for image in (one, other))
        contrast = self.sharpness * ((first + NOTHING).log() - (second + NOTHING).log())
        share = torch.sigmoid(contrast + resample(share, one).logit())
        return other + share * (one - other)


def network_share(fused: Tensor, reconstructed: Pair) -> Tensor:
    """How far the network follows the first source in each of its patches and their surroundings: 1×h×w, from 0 to 1.

    The place of the fused picture on the way from the second reconstruction to the first, in the sense of least
    squares; one half where the two are the same.
    """
    way = reconstructed.a - reconstructed.b
    gone = ((fused - reconstructed.b) * way).mean(0, keepdim=True)
    gone, whole = (blur(to_patches(image), times=4) for image in (gone, energy(way)))
    return ((gone + NOISE / 2) / (whole + NOISE)).clip(0.02, 0.98)


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
    """Of two bands around each pixel, 1×H×W: 0 where one is a multiple of the other, 1 where nothing is in common."""
    product = blur((one * other).mean(0, keepdim=True), times=2)
    norms = blur(energy(one), times=2) * blur(energy(other), times=2)
    same = (one == other).all(0, keepdim=True)
    return torch.where(same, 0.0, 1 - (product / (norms.sqrt() + NOTHING)).abs())


def energy(image: Tensor) -> Tensor:
    """Mean square over the channels of each pixel, 1×H×W."""
    return image.square().mean(0, keepdim=True)
