"""A pyramid of convolutions over the pair that know what the fused tokens say."""

from collections.abc import Sequence

from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn.functional import interpolate

from mmdefusion.registry import MODELS

from ..backbones.spatial_prior import BATCH_NORM, STRIDES, SpatialPrior
from ..layers import PATCH_SIZE, tokens_to_map
from ..structures import Decomposition

GUIDED = STRIDES[1:]  # strides of the stages that the tokens guide


class TokenGuide(BaseModule):
    """LayerNorm and a linear map of the fused tokens for each stride, enlarged to it.

    The linear maps start at 0, so that stems which were taught begin as they were.

    Args:
        embed_dims: width C of the tokens.
        widths: channels at each of the guided strides.
    """

    def __init__(self, embed_dims: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(embed_dims)
        self.maps = nn.ModuleList(nn.Linear(embed_dims, width) for width in widths)
        for one in self.maps:
            nn.init.zeros_(one.weight)
            nn.init.zeros_(one.bias)

    def forward(self, decomposition: Decomposition) -> dict[int, Tensor]:
        """Maps B×width×(h·16/s)×(w·16/s) of h×w patches, by stride s."""
        features, tokens = decomposition.features, self.norm(decomposition.fused)
        found = {}
        for stride, one in zip(GUIDED, self.maps, strict=False):
            coarse = features.content.extend(tokens_to_map(one(tokens), features.grid))
            found[stride] = interpolate(coarse, scale_factor=PATCH_SIZE // stride, mode='bilinear')
        return found


@MODELS.register_module()
class GuidedPyramid(SpatialPrior):
    """Maps from convolutions over the pair, to which the fused tokens are added at every stride.

    The stems are those of :class:`SpatialPrior` in its stacked form. A pyramid from tokens alone has nothing finer
    than patches, and a prior beside it does not know what the tokens say; here the residual blocks of the stems read
    both, as do those behind the interactions of ViT-Adapter (Chen et al., arXiv 2205.08534).

    Args:
        embed_dims: width C of the tokens.
        out_channels: channels of every map.
        strides: strides of the maps, powers of 2 from 4 on; maps beyond 16 are pooled.
        widths: channels at strides 2, 4, 8 and 16.
        norm_cfg: norm of the convolutions.
        init_cfg: initialisation config of MMEngine.
    """

    def __init__(
        self,
        embed_dims: int,
        out_channels: int = 256,
        strides: Sequence[int] = (4, 8, 16, 32),
        widths: Sequence[int] = (32, 64, 128, 128),
        norm_cfg: dict | None = BATCH_NORM,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(out_channels, strides, 'stacked', widths, norm_cfg, init_cfg)
        self.guide = TokenGuide(embed_dims, [block.conv1.conv.in_channels for block in self.stems[0].blocks])
        self.level_strides = self.strides

    def forward(self, decomposition: Decomposition) -> tuple[Tensor, ...]:
        """Maps B×out_channels×ceil(H/s)×ceil(W/s) for each stride s, finest first."""
        content = decomposition.features.content
        images = content.clear(content.pictures(decomposition.features.pair), 1)
        return self.task_maps(self.stems[0](images, content, self.guide(decomposition)), content)
