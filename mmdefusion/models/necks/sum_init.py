"""An initialisation with which fusing begins as the sum of what the encoder knows of both images."""

import torch
from torch import nn

from mmdefusion.registry import WEIGHT_INITIALIZERS

from ..layers import quieten
from .decomposition import DecompositionNeck


@WEIGHT_INITIALIZERS.register_module()
class SumInit:
    """Makes the fused tokens of a newly initialised neck the sum of both images' tokens, each normalised.

    Random blocks behind an encoder that means something lose most of it, and have to learn to pass it on. Here every
    block passes its tokens nearly unchanged from the beginning, and the skip features, which know little, count little.
    So a public ViT needs no weights of a decomposition: the sum keeps all that a classifier finds in both images side
    by side (docs/encoders.md). Not part of the paper, which leaves the initialisation open.

    As ``init_cfg`` of a :class:`DecompositionNeck`, of a :class:`FusedPyramid`, or of what holds one:
    ``neck=[dict(type='mmdefusion.DecompositionNeck', embed_dims=384, init_cfg=dict(type='mmdefusion.SumInit')), ...]``,
    ``DeFusionPP(decomposition=dict(init_cfg=dict(type='mmdefusion.SumInit')))``.

    Args:
        branches: factor on what attention and MLP of each block add to the tokens. 0 would leave the first steps of
            training to the last linear map of each.
        skip: factor on the fused skip features.
    """

    def __init__(self, branches: float = 0.1, skip: float = 0.1) -> None:
        self.branches, self.skip = branches, skip

    @torch.no_grad()
    def __call__(self, module: nn.Module) -> None:
        quieten(module, self.branches)
        for part in module.modules():
            if isinstance(part, DecompositionNeck):
                part.skip.fusion.norm2.weight.mul_(self.skip)
