"""DeFusion++ with its image heads: a pair in, four images out."""

from typing import Any

from mmengine.model import BaseModel
from torch import Tensor, nn

from mmdefusion.registry import MODELS, build_model_part

from ..structures import Decomposition, FusedImages, Pair, PairFeatures, Parts


@MODELS.register_module()
class ImageFuser(BaseModel):
    """Backbone, neck and image heads, under the same keys as in pretraining and in detectors.

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

    def forward(self, inputs: Tensor, data_samples: Any = None, mode: str = 'tensor') -> FusedImages:
        """Fuse B×6×H×W, two normalised RGB images along the channels."""
        return self.draw(self.neck(self.backbone(inputs)))

    def draw(self, decomposition: Decomposition) -> FusedImages:
        """The images of what was decomposed and fused."""
        return FusedImages(*self.draw_parts(decomposition), self.draw_fused(decomposition))

    def draw_parts(self, decomposition: Decomposition) -> Parts:
        """The common and both unique images."""
        parts, features = decomposition.full(), decomposition.features
        heads = self.common_head, self.unique_head, self.unique_head
        return Parts(*(crop(head(part, features.grid), features) for head, part in zip(heads, parts, strict=True)))

    def draw_fused(self, decomposition: Decomposition) -> Tensor:
        """The fused image."""
        features = decomposition.features
        return crop(self.fused_head(decomposition.fused + decomposition.blended, features.grid), features)

    def draw_alone(self, features: PairFeatures) -> Pair:
        """Each image fused with itself: what the network can say of it."""
        blended, fused = self.neck[0].fuse_alone(features)
        return Pair(*crop(self.fused_head(fused + blended, features.grid), features).chunk(2))


def crop(image: Tensor, features: PairFeatures) -> Tensor:
    """Without what was added to fill the last patches."""
    height, width = features.image_size
    return image[..., :height, :width]
