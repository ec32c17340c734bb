"""Weights and images that a formula gives, so that none need to be stored (DESIGN, "Parity data")."""

import math
import zlib

import numpy as np
import torch
from torch import Tensor

from mmdefusion.models.backbones import MAEEncoder
from mmdefusion.models.checkpoints.unwrap import State
from mmdefusion.models.layers import sincos_position_embedding
from mmdefusion.models.networks.reference import TEACHERS, optional_shapes, our_shapes, to_reference_name


def generator(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


def formula_weight(name: str, shape: tuple[int, ...]) -> Tensor:
    """Weight of the reference tensor ``name``, seeded by its name."""
    if name.endswith('pos_embed'):
        return sincos_position_embedding(shape[-1])[None].double()
    x = generator(zlib.crc32(name.encode())).standard_normal(shape)
    if len(shape) == 1 and name.endswith('weight'):
        x = 1 + 0.1 * x
    elif len(shape) == 1 or name.endswith(('cls_token', 'mask_token')):
        x = 0.02 * x
    else:
        x = x / math.sqrt(math.prod(shape[1:]))
    return torch.from_numpy(np.asarray(x))


def formula_shapes(embed_dims: int = 192, teachers: bool = True) -> dict[str, tuple[int, ...]]:
    """Reference names and shapes: all that the converter knows, a detector's projection too."""
    shapes = {to_reference_name(name): shape for name, shape in our_shapes('tiny').items()}
    every_part = dict.fromkeys(('mask_token', 'latent_predict1.bias', 'conv1x1.0.bias'))
    shapes |= {to_reference_name(name): shape for name, shape in optional_shapes(every_part, embed_dims).items()}
    if teachers:
        shapes |= {prefix + name: shape for prefix in TEACHERS for name, shape in teacher_shapes().items()}
    return shapes | {
        'encoder.pos_embed': (1, 197, embed_dims),
        'encoder.norm.weight': (embed_dims,),
        'encoder.norm.bias': (embed_dims,),
        'decoder_pos_embed': (1, 197, embed_dims),
    }


def formula_checkpoint(teachers: bool = True) -> State:
    """Checkpoint in the reference layout; the teachers are nine tenths of it."""
    return {name: formula_weight(name, shape) for name, shape in formula_shapes(teachers=teachers).items()}


def teacher_shapes() -> dict[str, tuple[int, ...]]:
    """Of a teacher's encoder."""
    with torch.device('meta'):
        encoder = MAEEncoder('base').state_dict()
    return {'pos_embed': (1, 197, 768)} | {name: tuple(tensor.shape) for name, tensor in encoder.items()}


def formula_image(seed: int, batch: int, size: int) -> Tensor:
    """B×3×size×size in [0, 1]."""
    return torch.from_numpy(generator(seed).random((batch, 3, size, size)))


def formula_noise(seed: int, batch: int, num_patches: int) -> Tensor:
    """B×(N - 1); masked feature modelling keeps the patches with the least of it."""
    return torch.from_numpy(generator(seed).random((batch, num_patches)))


def formula_masks(seed: int, batch: int, size: int) -> tuple[Tensor, Tensor]:
    """What each of two views shows, B×1×size×size, in cells of 16×16 pixels."""
    random = generator(seed)
    cells = math.ceil(size / 16)
    one, other = (random.random((batch, 1, cells, cells)) < 0.7 for _ in range(2))
    other |= ~one
    return tuple(
        torch.from_numpy(mask.repeat(16, axis=2).repeat(16, axis=3)[..., :size, :size]).double()
        for mask in (one, other)
    )
