"""Initial weights."""

from torch import nn

from .patch_embed import PatchEmbed


def init_transformer(module: nn.Module) -> None:
    """Initialises linear maps as Xavier-uniform with zero biases, and the patch convolution likewise (MAE's rule)."""
    for part in module.modules():
        if isinstance(part, nn.Linear):
            nn.init.xavier_uniform_(part.weight)
            nn.init.zeros_(part.bias)
        elif isinstance(part, PatchEmbed):
            nn.init.xavier_uniform_(part.proj.weight.flatten(1))  # a view, so the convolution itself is filled
            nn.init.zeros_(part.proj.bias)
