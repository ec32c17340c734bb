"""Attention of the decomposition as heat maps over the sources (as in figure 3c of arXiv 2410.12274)."""

from typing import NamedTuple

import torch
from torch import Tensor

from ..structures import Pair
from .image_fuser import ImageFuser


class AttentionMaps(NamedTuple):
    """The attention that each source receives: maps of h×w patches that sum to 1."""

    common: Pair  #: in D_common, where keys come from this image
    unique: Pair  #: in D_unique, where this image gives the keys, and the other one the queries


@torch.no_grad()
def attention_maps(fuser: ImageFuser, pair: Tensor) -> AttentionMaps:
    """Computes how much attention each patch receives in the deep decomposition, averaged over heads and queries.

    Args:
        fuser: the network, in evaluation mode.
        pair: 1×6×H×W, two RGB images in [0, 1].
    """
    features = fuser.decompose(Pair(*pair.chunk(2, dim=1))).features
    (a, b), path = features.deep, fuser.decomposition.deep

    def received(weights: Tensor) -> Tensor:
        patches = weights[0, :, 1:, 1:].mean((0, 1))  # without the class token
        return (patches / patches.sum()).unflatten(0, features.grid)

    return AttentionMaps(
        common=Pair(a=received(path.common.attention(b, a)), b=received(path.common.attention(a, b))),
        unique=Pair(a=received(path.unique.attention(a, b)), b=received(path.unique.attention(b, a))),
    )
