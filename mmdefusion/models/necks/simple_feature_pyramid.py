"""ViTDet's simple feature pyramid (Li et al., arXiv 2203.16527, section 3) on the fused tokens."""

from collections.abc import Sequence

from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn.functional import max_pool2d

from mmdefusion.registry import MODELS

from ..layers import Content, LayerNorm2d, Linear, init_transformer, tokens_to_map
from ..structures import Decomposition
from .rescale import STRIDES, rescale, rescale_and_project


class PyramidLevel(nn.Sequential):
    """Rescales a map at stride 16, and applies two convolutions with LayerNorm.

    Args:
        stride: stride of the level.
        channels: channels of the input map.
        out_channels: channels of the level.
    """

    def __init__(self, stride: int, channels: int, out_channels: int) -> None:
        rescaled, channels = rescale(stride, channels)
        super().__init__(
            rescaled,
            nn.Conv2d(channels, out_channels, 1, bias=False),
            LayerNorm2d(out_channels),
            nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False),
            LayerNorm2d(out_channels),
        )
        self.stride = stride

    def forward(self, feature: Tensor, content: Content) -> Tensor:
        rescaled, conv1, norm1, conv2, norm2 = self
        feature = content.isolate(norm1(rescale_and_project(feature, rescaled, conv1)), self.stride)
        return content.fit(norm2(conv2(feature)), self.stride)


@MODELS.register_module()
class SimpleFeaturePyramid(BaseModule):
    """Maps at strides 4, 8, 16, 32 (and coarser ones by pooling) from the fused tokens only.

    The tokens pass LayerNorm, a linear map and GELU first (the M3FD detector of DeFusion++).

    Args:
        embed_dims: width C of the tokens.
        hidden_dims: width of the map from which the pyramid is built; 4·C by default.
        out_channels: channels of every level.
        num_outs: number of levels; those beyond ``strides`` pool the last one with stride 2. By default as many as
            strides.
        strides: strides of the levels to build, some of 4, 8, 16, 32. A level that no head reads would have parameters
            without gradient, which DistributedDataParallel refuses.
        init_cfg: initialisation config of MMEngine.

    Raises:
        ValueError: if there are no such strides, or fewer outputs than levels.
    """

    def __init__(
        self,
        embed_dims: int,
        hidden_dims: int | None = None,
        out_channels: int = 256,
        num_outs: int | None = None,
        strides: Sequence[int] = STRIDES,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if not strides or not set(strides) <= set(STRIDES):
            raise ValueError(f'strides={tuple(strides)} cannot be built: choose some of {STRIDES}.')
        if num_outs is not None and num_outs < len(strides):
            raise ValueError(f'num_outs={num_outs} is too few: strides={tuple(strides)} are {len(strides)} levels.')
        hidden_dims = hidden_dims or 4 * embed_dims
        self.num_outs = num_outs or len(strides)
        self.strides = tuple(sorted(strides))
        pooled = range(1, self.num_outs - len(strides) + 1)
        self.level_strides = (*self.strides, *(self.strides[-1] << octave for octave in pooled))
        self.proj = nn.Sequential(nn.LayerNorm(embed_dims), Linear(embed_dims, hidden_dims, activation='gelu'))
        self.levels = nn.ModuleList(PyramidLevel(stride, hidden_dims, out_channels) for stride in self.strides)
        init_transformer(self)

    def forward(self, decomposition: Decomposition) -> tuple[Tensor, ...]:
        """Levels B×out_channels×ceil(H/s)×ceil(W/s), finest first."""
        features = decomposition.features
        fused = features.content.extend(tokens_to_map(self.proj(decomposition.fused), features.grid))
        maps = [level(fused, features.content) for level in self.levels]
        while len(maps) < self.num_outs:
            maps.append(max_pool2d(maps[-1], kernel_size=1, stride=2))
        return tuple(maps)
