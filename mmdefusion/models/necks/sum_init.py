"""An initialisation with which fusing begins as the sum of what the encoder knows of both images."""

import torch
from mmengine.model import update_init_info
from torch import nn

from mmdefusion.registry import WEIGHT_INITIALIZERS

from ..layers import quieten
from .decomposition import DecompositionNeck
from .fused_pyramid import FusedPyramid


@WEIGHT_INITIALIZERS.register_module()
class SumInit:
    """Makes the fused tokens of a newly initialised neck the sum of both images' tokens, each normalised.

    Random blocks behind an encoder that means something lose most of it, and have to learn to pass it on. Here every
    block passes its tokens nearly unchanged from the beginning, and the skip features, which know little, count little.
    So a public ViT needs no weights of a decomposition: of DINOv2's tokens the sum keeps all that a classifier finds in
    both images side by side (docs/encoders.md). Not part of the paper, which leaves the initialisation open.

    It is the ``init_cfg`` of a :class:`DecompositionNeck` or a :class:`FusedPyramid`:
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
        """Scales weights of a neck.

        Raises:
            TypeError: if it is no neck that fuses: of an encoder, say, this would spoil what it knows.
        """
        if not isinstance(module, DecompositionNeck | FusedPyramid):
            raise TypeError(
                f'SumInit is the init_cfg of a DecompositionNeck or a FusedPyramid, not of {type(module).__name__}.'
            )
        quieten(module, self.branches)
        if isinstance(module, DecompositionNeck):
            module.skip.fusion.norm2.weight.mul_(self.skip)
        if hasattr(module, '_params_init_info'):  # MMEngine logs it
            update_init_info(module, f'SumInit: branches={self.branches}, skip={self.skip}')
