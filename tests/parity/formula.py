"""Weights and images that a formula gives, so that none need to be stored (DESIGN, "Parity data")."""

import math
import zlib

import numpy as np
import torch
from torch import Tensor

from mmdefusion.models.layers import sincos_position_embedding
from mmdefusion.utils.reference_checkpoint import State, our_shapes, to_reference_name


def generator(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


def formula_weight(name: str, shape: tuple[int, ...]) -> Tensor:
    """Weight of the reference tensor ``name``, seeded by its name."""
    if name.endswith('pos_embed'):
        return sincos_position_embedding(shape[-1])[None].double()
    x = generator(zlib.crc32(name.encode())).standard_normal(shape)
    if len(shape) == 1 and name.endswith('weight'):
        x = 1 + 0.1 * x
    elif len(shape) == 1 or name in ('mask_token',) or name.endswith('cls_token'):
        x = 0.02 * x
    else:
        x = x / math.sqrt(math.prod(shape[1:]))
    return torch.from_numpy(np.asarray(x))


def formula_checkpoint(embed_dims: int = 192, det_dims: int = 768) -> State:
    """Checkpoint in the reference layout: all that the converter knows, and the detector's projection."""
    shapes = {to_reference_name(name): shape for name, shape in our_shapes('tiny').items()}
    shapes |= {
        'encoder.pos_embed': (1, 197, embed_dims),
        'encoder.norm.weight': (embed_dims,),
        'encoder.norm.bias': (embed_dims,),
        'conv1x1.0.weight': (embed_dims,),
        'conv1x1.0.bias': (embed_dims,),
        'conv1x1.1.weight': (det_dims, embed_dims),
        'conv1x1.1.bias': (det_dims,),
    }
    return {name: formula_weight(name, shape) for name, shape in shapes.items()}


def formula_image(seed: int, batch: int, size: int) -> Tensor:
    """B×3×size×size in [0, 1]."""
    return torch.from_numpy(generator(seed).random((batch, 3, size, size)))
