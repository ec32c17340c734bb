"""Fine texture, which the network's code for a patch has no room for, put back."""

import torch
from torch import Tensor
from torch.nn.functional import conv2d, pad

from mmdefusion.registry import MODELS

from ..structures import Pair


@MODELS.register_module()
class ResidualDetail:
    """Adds to the fused picture what the network left out of each source, the more active source first.

    A source's residual is the source less its fusion with itself. At each pixel both residuals are added with
    weights that sum to 1, so fusing a picture with itself gives it back exactly.

    Args:
        sigma: pixels over which a source's activity, its squared residual, is averaged.
        sharpness: exponent on activities; 0 takes the mean of both residuals, large values the stronger one.
    """

    def __init__(self, sigma: float = 3.0, sharpness: float = 2.0) -> None:
        self.sigma = sigma
        self.sharpness = sharpness

    def __call__(self, fused: Tensor, sources: Pair, reconstructed: Pair) -> Tensor:
        """All C×H×W; the fused picture with detail."""
        residual = Pair(*(source - own for source, own in zip(sources, reconstructed, strict=True)))
        activity = Pair(*(self._activity(image) for image in residual))
        share = (activity.a / (activity.a + activity.b)).nan_to_num(0.5)
        return fused + share * residual.a + (1 - share) * residual.b

    def _activity(self, residual: Tensor) -> Tensor:
        energy = blur(residual.square().mean(0, keepdim=True), self.sigma) + 1e-8
        return energy**self.sharpness


def blur(image: Tensor, sigma: float) -> Tensor:
    """Gaussian, 1×H×W, borders repeated."""
    radius = max(1, round(3 * sigma))
    place = torch.arange(-radius, radius + 1, device=image.device, dtype=image.dtype)
    window = torch.exp(-(place**2) / (2 * sigma**2))
    window = (window / window.sum()).view(1, 1, 1, -1)
    image = pad(image[None], (radius,) * 4, mode='replicate')
    return conv2d(conv2d(image, window), window.transpose(-1, -2))[0]
