"""Laplacian pyramids (Burt and Adelson, 1983) of images C×H×W of any size."""

from torch import Tensor
from torch.nn.functional import pad


def build_pyramid(image: Tensor, levels: int) -> list[Tensor]:
    """Bands from fine to coarse and the residual, C×h×w each, each half the size of the one before."""
    bands = []
    for _ in range(levels):
        small = shrink(image)
        bands.append(image - expand(small, image.shape[-2:]))
        image = small
    return [*bands, image]


def shrink(image: Tensor) -> Tensor:
    """Halves the size, rounded up."""
    return blur(image)[:, ::2, ::2]


def expand(image: Tensor, size: tuple[int, int]) -> Tensor:
    """Doubles the size to ``size`` by interpolation."""
    sparse = image.new_zeros(len(image), *size)
    sparse[:, ::2, ::2] = image
    return 4 * blur(sparse)


def blur(image: Tensor, times: int = 1) -> Tensor:
    """Applies a 5×5 binomial filter with mirrored borders; shifted sums need far less memory than a convolution."""
    mode = 'reflect' if min(image.shape[-2:]) > 2 else 'replicate'
    for _ in range(times):
        padded = pad(image, (2, 2, 2, 2), mode=mode)
        image = _blur_along(_blur_along(padded, dim=2), dim=1)
    return image


def _blur_along(padded: Tensor, dim: int) -> Tensor:
    size = padded.shape[dim] - 4
    total = padded.narrow(dim, 2, size) * (6 / 16)
    for place, weight in ((0, 1), (1, 4), (3, 4), (4, 1)):
        total.add_(padded.narrow(dim, place, size), alpha=weight / 16)
    return total
