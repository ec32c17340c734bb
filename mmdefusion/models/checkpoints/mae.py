"""Reads the encoder of a masked autoencoder from the common checkpoint layouts."""

import re

from torch import Tensor

from ..layers.position_embedding import GRID, sincos_position_embedding
from .unwrap import State, unwrap
from .vit_layouts import canonical_names

ENCODER = ('cls_token', 'patch_embed.', 'blocks.', 'norm.')


def read_mae_encoder(checkpoint: dict, name: str) -> State:
    """Reads weights for :class:`MAEEncoder` in MAE's published layout, mmpretrain's, or that of our MAE pretraining.

    Decoders, mask tokens and classifiers are left out.

    Args:
        checkpoint: content of the checkpoint, from :func:`read_checkpoint`.
        name: name of the checkpoint in error messages.

    Raises:
        ValueError: if it has no encoder, or a position embedding other than the fixed one.
    """
    state = unwrap(checkpoint, name)
    if any(key.startswith('backbone.') for key in state):
        state = {key.removeprefix('backbone.'): value for key, value in state.items() if key.startswith('backbone.')}
    state = {re.sub(r'^ln1\.', 'norm.', key): value for key, value in canonical_names(state).items()}
    encoder = {key: value for key, value in state.items() if key.startswith(ENCODER)}
    if not {'cls_token', 'patch_embed.proj.weight', 'blocks.0.attn.qkv.weight', 'norm.weight'} <= set(encoder):
        raise ValueError(
            f"{name} holds no ViT encoder in MAE's or mmpretrain's layout; its keys begin {sorted(state)[:3]}. "
            "Give the checkpoint of MAE's pretraining (not a decoder, not another network)."
        )
    _check_positions(state.get('pos_embed'), name)
    return encoder


def _check_positions(value: Tensor | None, name: str) -> None:
    if value is None:  # MAEEncoder computes its own
        return
    if not is_fixed_embedding(value, tolerance=1e-3):  # half precision rounds by 2.4e-4
        raise ValueError(
            f'{name} has a position embedding {tuple(value.shape)} other than the fixed sin-cos one of MAE at 224²: '
            'it was fine-tuned, or belongs to another network. Give the checkpoint of the pretraining.'
        )


def is_fixed_embedding(value: Tensor, tolerance: float) -> bool:
    """Whether a position embedding is the fixed sin-cos one of a 14×14 grid, 1×(1 + 14²)×C."""
    if value.ndim != 3 or value.shape[:2] != (1, 1 + GRID**2) or value.shape[2] % 4:
        return False
    return bool((value.float() - sincos_position_embedding(value.shape[2])).abs().max() <= tolerance)
