"""Converts tokens to maps and pixels."""

from torch import Tensor


def tokens_to_map(tokens: Tensor, grid: tuple[int, int]) -> Tensor:
    """Converts tokens B×(1 + h·w)×C, class token first, to a map B×C×h×w without the class token."""
    return tokens[:, 1:].transpose(1, 2).unflatten(2, grid)


def unpatchify(patches: Tensor, grid: tuple[int, int], patch_size: int) -> Tensor:
    """Converts patches B×(h·w)×(p·p·3) to images B×3×(h·p)×(w·p): grid row-major, channel fastest."""
    image = patches.unflatten(2, (patch_size, patch_size, 3)).unflatten(1, grid)  # B h w p p 3
    return image.permute(0, 5, 1, 3, 2, 4).flatten(4, 5).flatten(2, 3)


def patchify(image: Tensor, patch_size: int) -> Tensor:
    """Undoes :func:`unpatchify`: B×3×(h·p)×(w·p) to B×(h·w)×(p·p·3)."""
    blocks = image.unflatten(3, (-1, patch_size)).unflatten(2, (-1, patch_size))  # B 3 h p w p
    return blocks.permute(0, 2, 4, 3, 5, 1).flatten(3).flatten(1, 2)
