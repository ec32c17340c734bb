"""Leaving tokens out and putting learned ones in their places, for masked modelling."""

import torch
from torch import Tensor


def sample_kept(noise: Tensor, mask_ratio: float) -> Tensor:
    """Which patches stay: those of the least noise.

    Args:
        noise: B×(N - 1) independent numbers, one a patch.
        mask_ratio: share of the patches that is left out; at least one stays.

    Returns:
        B×K indices of patches, counted without the class token.
    """
    return noise.argsort(dim=1)[:, : max(1, int(noise.shape[1] * (1 - mask_ratio)))]


def keep_tokens(tokens: Tensor, kept: Tensor) -> Tensor:
    """B×N×C tokens to B×(1 + K)×C: the class token, then the kept patches in the order of ``kept``."""
    index = torch.cat([torch.zeros_like(kept[:, :1]), kept + 1], dim=1)
    return tokens.gather(1, index[..., None].expand(-1, -1, tokens.shape[-1]))


def restore_tokens(tokens: Tensor, kept: Tensor, mask_token: Tensor, num_patches: int) -> Tensor:
    """Undo :func:`keep_tokens`, with ``mask_token`` (1×1×C) where patches were left out: B×(1 + num_patches)×C."""
    batch, _, embed_dims = tokens.shape
    patches = mask_token.to(tokens.dtype).expand(batch, num_patches, -1)
    patches = patches.scatter(1, kept[..., None].expand(-1, -1, embed_dims), tokens[:, 1:])
    return torch.cat([tokens[:, :1], patches], dim=1)
