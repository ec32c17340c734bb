"""Checks that teachers fit what learns from them."""

from torch import nn


def refuse_finer(teacher: nn.Module) -> None:
    """Raises a ValueError for a teacher whose tokens are finer than patches, where tokens of a ViT are compared."""
    if (scale := getattr(teacher, 'scale', 1)) != 1:
        raise ValueError(f'teacher has scale={scale}, but tokens of patches learn from it: set scale=1.')
