"""The patches that networks see an image in, and what an image lacks to whole ones."""

from collections.abc import Sequence

PATCH_SIZE = 16  # side in pixels; all networks here are ViT/16


def missing_to_patches(size: Sequence[int]) -> tuple[tuple[int, int], bool]:
    """What an image lacks to whole patches.

    Args:
        size: its height and width.

    Returns:
        The pixels that it lacks at the bottom and at the right; and whether it has enough of its own to be mirrored
        there, as only a very narrow one has not.
    """
    missing = tuple(-side % PATCH_SIZE for side in size)
    return missing, all(lacking < side for lacking, side in zip(missing, size, strict=True))
