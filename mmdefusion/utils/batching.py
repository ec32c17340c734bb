"""Groups samples that can be stacked without padding; imports no torch, as deployed models run without it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


def groups_of_one_size(images: Sequence['np.ndarray | Tensor']) -> list[list[int]]:
    """Groups the indices of images by shape, in the order in which shapes first appear."""
    groups: dict[tuple[int, ...], list[int]] = {}
    for index, image in enumerate(images):
        groups.setdefault(tuple(image.shape), []).append(index)
    return list(groups.values())
