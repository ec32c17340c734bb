"""Laplacian pyramids (Burt and Adelson, 1983) of images of any size."""

from .filters import Image, blur, every_second, size_of, with_zeros


def build_pyramid(image: Image, levels: int) -> list[Image]:
    """Bands from fine to coarse and the residual, each half the size of the one before."""
    bands = []
    for _ in range(levels):
        small = shrink(image)
        bands.append(image - expand(small, size_of(image)))
        image = small
    return [*bands, image]


def shrink(image: Image) -> Image:
    """Halves the size, rounded up."""
    return every_second(blur(image))


def expand(image: Image, size: tuple[int, int]) -> Image:
    """Doubles the size to ``size`` by interpolation."""
    return 4 * blur(with_zeros(image, size))
