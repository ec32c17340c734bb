"""DeFusion++ with its image heads: a pair in, four images out."""

from typing import Any

import torch
from mmengine.model import BaseModel
from torch import Tensor, nn

from mmdefusion.registry import MODELS, build_model_part

from ..layers import Normalize
from ..necks.decomposition import CommonOrder, DecompositionNeck
from ..structures import Decomposition, FusedImages, Pair, PairFeatures, Parts


@MODELS.register_module()
class ImageFuser(BaseModel):
    """Backbone, neck and image heads, under the same keys as in pretraining and in detectors; pairs come in [0, 1].

    Args:
        backbone: the encoder, its config or built, as all that follow.
        neck: the neck's parts; the decomposition is the first (``neck.0``).
        common_head: draws the common image.
        unique_head: draws both unique images.
        fused_head: draws the fused image.
        data_preprocessor: MMEngine's.
        init_cfg: MMEngine's.
    """

    def __init__(
        self,
        backbone: dict | nn.Module,
        neck: list[dict | nn.Module] | nn.Module,
        common_head: dict | nn.Module,
        unique_head: dict | nn.Module,
        fused_head: dict | nn.Module,
        data_preprocessor: dict | None = None,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(data_preprocessor, init_cfg)
        self.backbone = build_model_part(backbone)
        self.neck = build_model_part(neck)
        self.common_head = build_model_part(common_head)
        self.unique_head = build_model_part(unique_head)
        self.fused_head = build_model_part(fused_head)

        self.normalize = Normalize()

    @property
    def decomposition(self) -> DecompositionNeck:
        """The neck's first part."""
        return self.neck[0]

    def forward(self, inputs: Tensor, data_samples: Any = None, mode: str = 'tensor') -> FusedImages:
        """Fuse B×6×H×W, two RGB images in [0, 1] along the channels."""
        return self.decode(self.decompose(Pair(*inputs.chunk(2, dim=1))))

    def decompose(self, pair: Pair, common: CommonOrder | None = None) -> Decomposition:
        """Encode and decompose two images B×3×H×W, RGB in [0, 1]: the one place that normalises them.

        Args:
            pair: what is to be fused.
            common: order of the common feature, in place of the neck's own.
        """
        return self.decomposition(self.backbone(self.normalize(torch.cat(pair, dim=1))), common)

    def decode(self, decomposition: Decomposition) -> FusedImages:
        """The images of what was decomposed and fused."""
        return FusedImages(*self.decode_parts(decomposition), self.decode_fused(decomposition))

    def decode_parts(self, decomposition: Decomposition) -> Parts:
        """The common and both unique images."""
        parts, features = decomposition.full(), decomposition.features
        heads = self.common_head, self.unique_head, self.unique_head
        return Parts(*(crop(head(part, features.grid), features) for head, part in zip(heads, parts, strict=True)))

    def decode_fused(self, decomposition: Decomposition) -> Tensor:
        """The fused image."""
        features = decomposition.features
        return crop(self.fused_head(decomposition.fused + decomposition.blended, features.grid), features)

    def decode_alone(self, features: PairFeatures) -> Pair:
        """Each image fused with itself: what the network can say of it."""
        blended, fused = self.decomposition.fuse_alone(features)
        return Pair(*crop(self.fused_head(fused + blended, features.grid), features).chunk(2))


def crop(image: Tensor, features: PairFeatures) -> Tensor:
    """Without what was added to fill the last patches."""
    height, width = features.image_size
    return image[..., :height, :width]
