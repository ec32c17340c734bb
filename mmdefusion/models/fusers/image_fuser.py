"""DeFusion++ with its image heads: decodes a pair to four images."""

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
    """Backbone, neck and image heads, under the same keys as in pretraining and in detectors. Pairs are in [0, 1].

    Args:
        backbone: the encoder, as a config or a module, like the neck and the heads.
        neck: parts of the neck; the decomposition is the first (``neck.0``).
        common_head: decodes the common image.
        unique_head: decodes both unique images.
        fused_head: decodes the fused image.
        data_preprocessor: config of the data preprocessor.
        init_cfg: initialisation config of MMEngine.
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
        """The first part of the neck."""
        return self.neck[0]

    def forward(self, inputs: Tensor, data_samples: Any = None, mode: str = 'tensor') -> FusedImages:
        """Fuses B×6×H×W, two RGB images in [0, 1] along the channels, to four images B×3×H×W."""
        return self.decode(self.decompose(Pair(*inputs.chunk(2, dim=1))))

    def decompose(self, pair: Pair, common: CommonOrder | None = None) -> Decomposition:
        """Normalises, encodes and decomposes a pair.

        Args:
            pair: two images B×3×H×W, RGB in [0, 1].
            common: order of the common feature; None takes that of the neck.
        """
        return self.decomposition(self.backbone(self.normalize(torch.cat(pair, dim=1))), common)

    def decode(self, decomposition: Decomposition) -> FusedImages:
        """Decodes all four images, B×3×H×W each."""
        return FusedImages(*self.decode_parts(decomposition), self.decode_fused(decomposition))

    def decode_parts(self, decomposition: Decomposition) -> Parts:
        """Decodes the common and both unique images, B×3×H×W each."""
        parts, features = decomposition.full(), decomposition.features
        heads = self.common_head, self.unique_head, self.unique_head
        return Parts(*(crop(head(part, features.grid), features) for head, part in zip(heads, parts, strict=True)))

    def decode_fused(self, decomposition: Decomposition) -> Tensor:
        """Decodes the fused image, B×3×H×W."""
        features = decomposition.features
        return crop(self.fused_head(decomposition.fused + decomposition.blended, features.grid), features)

    def decode_alone(self, features: PairFeatures) -> Pair:
        """Decodes each image fused with itself, B×3×H×W each: how well the network can represent it."""
        blended, fused = self.decomposition.fuse_alone(features)
        return Pair.split(crop(self.fused_head(fused + blended, features.grid), features))


def crop(image: Tensor, features: PairFeatures) -> Tensor:
    """Crops what was added to fill the last patches."""
    height, width = features.image_size
    return image[..., :height, :width]
