"""A pyramid of convolutions over the pair that know what the fused tokens say."""

from collections.abc import Sequence

from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn.functional import interpolate

from mmdefusion.registry import MODELS

from ..layers import PATCH_SIZE, tokens_to_map
from ..structures import Decomposition


class TokenGuide(nn.Module):
    """LayerNorm, and for each stride a linear map of the fused tokens, enlarged to it.

    The linear maps start at 0, so that stems which were taught begin as they were.

    Args:
        embed_dims: width C of the tokens.
        widths: channels by stride.
    """

    def __init__(self, embed_dims: int, widths: dict[int, int]) -> None:
        super().__init__()
        self.strides = tuple(widths)
        self.norm = nn.LayerNorm(embed_dims)
        self.maps = nn.ModuleList(nn.Linear(embed_dims, width) for width in widths.values())
        for one in self.maps:
            nn.init.zeros_(one.weight)
            nn.init.zeros_(one.bias)

    def forward(self, decomposition: Decomposition) -> dict[int, Tensor]:
        """Maps B×width×(h·16/s)×(w·16/s) of h×w patches, by stride s."""
        features, tokens = decomposition.features, self.norm(decomposition.fused)
        found = {}
        for stride, one in zip(self.strides, self.maps, strict=True):
            coarse = features.content.extend(tokens_to_map(one(tokens), features.grid))
            found[stride] = interpolate(coarse, scale_factor=PATCH_SIZE // stride, mode='bilinear')
        return found


@MODELS.register_module()
class GuidedPyramid(BaseModule):
    """Maps of a :class:`SpatialPrior` whose stems read the fused tokens at every stride.

    A pyramid from tokens alone has nothing finer than patches, and a prior beside it does not know what they say. Here
    the residual blocks of the stems read both, as those behind the interactions of ViT-Adapter do (Chen et al., arXiv
    2205.08534; there by cross-attention).

    Args:
        embed_dims: width C of the tokens.
        out_channels: channels of every map.
        strides: strides of the maps, powers of 2 from 4 on; maps beyond 16 are pooled.
        prior: further options of the :class:`SpatialPrior` (``widths``, ``form``, ``norm_cfg``, ``init_cfg``).
        init_cfg: initialisation config of MMEngine.
    """

    def __init__(
        self,
        embed_dims: int,
        out_channels: int = 256,
        strides: Sequence[int] = (4, 8, 16, 32),
        prior: dict | None = None,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(init_cfg)
        prior = {'type': 'mmdefusion.SpatialPrior', **(prior or {})}
        self.prior = MODELS.build({**prior, 'out_channels': out_channels, 'strides': strides})
        self.guide = TokenGuide(embed_dims, self.prior.stems[0].widths)
        self.strides = self.level_strides = self.prior.strides

    def forward(self, decomposition: Decomposition) -> tuple[Tensor, ...]:
        """Maps B×out_channels×ceil(H/s)×ceil(W/s) for each stride s, finest first."""
        features = decomposition.features
        return self.prior(features.pair, features.content, self.guide(decomposition))

    def stem_maps(self, decomposition: Decomposition) -> dict[int, Tensor]:
        """The maps of the stems before anything of a task, by stride from 4 on."""
        features = decomposition.features
        return self.prior.stem_maps(features.pair, features.content, self.guide(decomposition))
