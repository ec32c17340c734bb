"""Checks that teachers fit what learns from them."""

from torch import nn


def refuse_finer(teacher: nn.Module) -> None:
    """Raises a ValueError for a teacher whose tokens are finer than patches, where tokens of a ViT are compared."""
    if (scale := getattr(teacher, 'scale', 1)) != 1:
        raise ValueError(f'teacher has scale={scale}, but tokens of patches learn from it: set scale=1.')


def refuse_other_width(head: str, predicted: int, source: str, width: int, images: int = 1) -> None:
    """Raises a ValueError for a head that predicts tokens of another width than those that it learns.

    Args:
        head: name of the head.
        predicted: width that it predicts, its ``teacher_dims``.
        source: name of what gives the tokens.
        width: width of the tokens of one image.
        images: number of images whose tokens are predicted side by side.
    """
    if predicted != images * width:
        each = f' for each of {images} images' if images > 1 else ''
        raise ValueError(
            f'{source} gives tokens of width {width}{each}, {head} predicts {predicted}: '
            f'set {head}.teacher_dims={images * width}, or take another {source}.'
        )
