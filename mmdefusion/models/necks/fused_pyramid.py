"""Four fused levels from different depths of the encoder (the MSRS segmenter of DeFusion++)."""

from collections.abc import Sequence

from mmengine.model import BaseModule
from torch import Tensor, nn

from mmdefusion.registry import MODELS

from ..layers import NUM_HEADS, Content, DecompositionBlock, LayerNorm2d, Windows, init_transformer, tokens_to_map
from ..structures import Decomposition, Pair
from .rescale import STRIDES, rescale, rescale_and_project


class FusedLevel(nn.Module):
    """LayerNorm and a linear map on tokens, then rescaling to another stride."""

    def __init__(self, embed_dims: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.proj = nn.Sequential(nn.LayerNorm(embed_dims), nn.Linear(embed_dims, out_channels))
        self.rescale, channels = rescale(stride, out_channels)
        self.stride = stride
        self.out = nn.Sequential(nn.Conv2d(channels, out_channels, 1, bias=False), LayerNorm2d(out_channels))

    def forward(self, tokens: Tensor, grid: tuple[int, int], content: Content) -> Tensor:
        feature = content.extend(tokens_to_map(self.proj(tokens), grid))
        projection, norm = self.out
        return content.fit(norm(rescale_and_project(feature, self.rescale, projection)), self.stride)


@MODELS.register_module()
class FusedPyramid(BaseModule):
    """Maps at strides 4, 8, 16, 32: three fused from the encoder's layers, the fourth from the fused tokens.

    Each of the three has its own cross-attention block, which is applied in both orders and summed, so that the pyramid
    is symmetric in the images (the authors' code takes one order).

    Args:
        embed_dims: width C of the tokens.
        out_channels: channels of every level.
        layers: the encoder's layers for strides 4, 8 and 16; k means after block k.
        init_cfg: initialisation config of MMEngine.

    Raises:
        ValueError: if ``layers`` does not name three.
    """

    def __init__(
        self,
        embed_dims: int,
        out_channels: int = 256,
        layers: Sequence[int] = (3, 5, 7),
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if len(layers) != len(STRIDES) - 1:
            raise ValueError(f'layers={tuple(layers)} must name {len(STRIDES) - 1} layers of the encoder.')
        self.layers, self.level_strides = tuple(layers), STRIDES
        self.fusions = nn.ModuleList(DecompositionBlock(embed_dims, 'unique', NUM_HEADS) for _ in layers)
        self.levels = nn.ModuleList(FusedLevel(embed_dims, out_channels, stride) for stride in STRIDES)
        init_transformer(self)

    def forward(self, decomposition: Decomposition) -> tuple[Tensor, ...]:
        """Levels B×out_channels×ceil(H/s)×ceil(W/s), finest first.

        Raises:
            ValueError: if the encoder has fewer blocks than ``layers`` need.
        """
        features = decomposition.features
        depth = len(features.layers) - 1
        if max(self.layers) > depth:
            raise ValueError(f'FusedPyramid reads layers={self.layers} of an encoder with {depth} blocks: name others.')
        pairs = (features.layers[index] for index in self.layers)
        tokens = [
            self._both_orders(fusion, pair, features.reach) for fusion, pair in zip(self.fusions, pairs, strict=True)
        ]
        return tuple(
            level(fused, features.grid, features.content)
            for level, fused in zip(self.levels, [*tokens, decomposition.fused], strict=True)
        )

    @staticmethod
    def _both_orders(fusion: DecompositionBlock, pair: Pair, mask: Tensor | Windows | None) -> Tensor:
        ab, ba = Pair.split(fusion(pair.batched(), pair.swapped(), mask))
        return ab + ba
