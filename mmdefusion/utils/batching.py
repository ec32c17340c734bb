"""Groups samples that can be stacked without padding."""

from collections.abc import Sequence

from torch import Tensor


def groups_of_one_size(images: Sequence[Tensor]) -> list[list[int]]:
    """Groups the indices of images by shape, in the order in which shapes first appear."""
    groups: dict[tuple[int, ...], list[int]] = {}
    for index, image in enumerate(images):
        groups.setdefault(tuple(image.shape), []).append(index)
    return list(groups.values())
