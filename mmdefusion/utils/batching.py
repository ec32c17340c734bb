"""Which samples of a batch can be stacked without padding."""

from collections.abc import Sequence

from torch import Tensor


def groups_of_one_size(images: Sequence[Tensor]) -> list[list[int]]:
    """Indices of the images, those of one shape together, in the order of each shape's first."""
    groups: dict[tuple[int, ...], list[int]] = {}
    for index, image in enumerate(images):
        groups.setdefault(tuple(image.shape), []).append(index)
    return list(groups.values())
