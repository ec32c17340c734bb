"""Initial weights."""

import torch
from torch import nn

from .decomposition_block import DecompositionBlock
from .patch_embed import PatchEmbed
from .transformer_block import TransformerBlock


def init_transformer(module: nn.Module) -> None:
    """Initialises linear maps as Xavier-uniform with zero biases, and the patch convolution likewise (MAE's rule)."""
    for part in module.modules():
        if isinstance(part, nn.Linear):
            nn.init.xavier_uniform_(part.weight)
            nn.init.zeros_(part.bias)
        elif isinstance(part, PatchEmbed):
            nn.init.xavier_uniform_(part.proj.weight.flatten(1))  # a view, so the convolution itself is filled
            nn.init.zeros_(part.proj.bias)


@torch.no_grad()
def quieten(module: nn.Module, factor: float) -> None:
    """Scales the last linear map of every residual branch, and so what each block adds to the tokens."""
    for part in module.modules():
        if isinstance(part, TransformerBlock):
            last = (part.attn.proj, part.mlp.fc2)
        elif isinstance(part, DecompositionBlock):
            last = (part.attn.out_proj, part.linear2)
        else:
            continue
        for linear in last:
            linear.weight.mul_(factor)
