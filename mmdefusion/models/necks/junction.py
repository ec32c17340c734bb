"""Where a spatial prior and the ViT meet: before the first block, and in the pyramid."""

from collections.abc import Sequence

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmdefusion.registry import MODELS

from ..layers import LayerNorm2d


@MODELS.register_module()
class GatedSum(BaseModule):
    """Adds the pyramid's maps to the prior's by a gate of each channel that opens as far as training wants it.

    A plain sum lets untrained maps of a ViT disturb the prior from the first step on, and their size decides how much
    they count. Here they are normalised, and a gate that starts at 0 makes the network begin as the prior alone.

    Args:
        out_channels: channels of the maps.
        strides: strides of the maps.
        start: value of the gates at the start. At 0 what is behind a gate gets no gradient until it has opened, which
            takes a step, and an optimizer such as Adam moves it by no more than its learning rate in each.
        init_cfg: initialisation config of MMEngine.
    """

    def __init__(
        self, out_channels: int, strides: Sequence[int], start: float = 0.0, init_cfg: dict | list | None = None
    ) -> None:
        super().__init__(init_cfg)
        self.norms = nn.ModuleList(LayerNorm2d(out_channels) for _ in strides)
        self.gates = nn.ParameterList(nn.Parameter(torch.full((out_channels, 1, 1), start)) for _ in strides)

    def forward(self, maps: Sequence[Tensor], priors: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Joins maps of the pyramid and of the prior, B×out_channels×h×w each, level by level."""
        levels = zip(maps, priors, self.norms, self.gates, strict=True)
        return tuple(prior + gate * norm(one) for one, prior, norm, gate in levels)


@MODELS.register_module()
class GatedPrior(GatedSum):
    """Adds the prior's maps to the pyramid's by gates: a :class:`GatedSum` in which they have changed places.

    For a pyramid that begins with something, such as a :class:`GuidedPyramid` with taught stems, and a prior whose last
    layers begin with nothing (:class:`BackbonePrior`).
    """

    def __init__(
        self, out_channels: int, strides: Sequence[int], start: float = 0.3, init_cfg: dict | list | None = None
    ) -> None:
        super().__init__(out_channels, strides, start, init_cfg)

    def forward(self, maps: Sequence[Tensor], priors: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Joins maps of the pyramid and of the prior, B×out_channels×h×w each, level by level."""
        return super().forward(priors, maps)


@MODELS.register_module()
class TokenInjection(BaseModule):
    """Adds what the prior found to the tokens of both images before the first block.

    After the injector of ViT-Adapter (Chen et al., arXiv 2205.08534), with a linear map for each image in place of
    cross-attention. The maps start at 0, so that pretrained weights begin as they were.

    Args:
        channels: channels of the prior's map at stride 16.
        embed_dims: width C of the tokens.
        init_cfg: initialisation config of MMEngine.
    """

    def __init__(self, channels: int, embed_dims: int, init_cfg: dict | list | None = None) -> None:
        super().__init__(init_cfg)
        self.proj = nn.Conv2d(channels, 2 * embed_dims, 1)
        nn.init.zeros_(self.proj.weight)
        nn.init.zeros_(self.proj.bias)

    def forward(self, prior: Tensor) -> Tensor:
        """From the prior's map B×channels×h×w to maps 2B×C×h×w, those of the second images after the first's."""
        return torch.cat(self.proj(prior).chunk(2, dim=1))
