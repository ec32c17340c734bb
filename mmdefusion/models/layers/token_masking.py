"""Drops tokens and puts mask tokens in their places, for masked modelling."""

import torch
from torch import Tensor


def sample_kept(noise: Tensor, mask_ratio: float) -> Tensor:
    """Selects the patches that are kept: those with the smallest noise.

    Args:
        noise: independent random numbers, one per patch, B×(N - 1).
        mask_ratio: share of the patches that are dropped; at least one is kept.

    Returns:
        Indices of patches, counted without the class token, B×K.
    """
    return noise.argsort(dim=1)[:, : max(1, int(noise.shape[1] * (1 - mask_ratio)))]


def keep_tokens(tokens: Tensor, kept: Tensor) -> Tensor:
    """Drops tokens: B×N×C to B×(1 + K)×C, the class token and then the patches in the order of ``kept``."""
    index = torch.cat([torch.zeros_like(kept[:, :1]), kept + 1], dim=1)
    return tokens.gather(1, index[..., None].expand(-1, -1, tokens.shape[-1]))


def restore_tokens(tokens: Tensor, kept: Tensor, mask_token: Tensor, num_patches: int) -> Tensor:
    """Undoes :func:`keep_tokens`, with ``mask_token`` (1×1×C) for dropped patches: B×(1 + num_patches)×C."""
    batch, _, embed_dims = tokens.shape
    patches = mask_token.to(tokens.dtype).expand(batch, num_patches, -1)
    patches = patches.scatter(1, kept[..., None].expand(-1, -1, embed_dims), tokens[:, 1:])
    return torch.cat([tokens[:, :1], patches], dim=1)
