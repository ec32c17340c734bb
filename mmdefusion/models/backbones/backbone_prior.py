"""A backbone of a toolbox as a spatial prior: what its pretraining knows, beside the fused tokens."""

from collections.abc import Sequence

from mmengine.model import BaseModule
from torch import Tensor

from mmdefusion.registry import MODELS

from ..layers import Content


@MODELS.register_module()
class BackbonePrior(BaseModule):
    """A backbone over the pair and a neck, whose maps are added to those of a pyramid.

    It stands where a :class:`SpatialPrior` does, in the slot ``spatial_prior`` of :class:`DeFusionPP`, and brings
    weights that a toolbox has, ImageNet's among them. Not part of the paper.

    Args:
        backbone: config of a backbone that reads pairs B×6×H×W, such as ``dict(type='mmdefusion.EarlyFusion',
            backbone=dict(type='mmdefusion.EfficientNetLite0', in_channels=4))``.
        neck: config of a neck behind it, with its toolbox's prefix and without ``out_channels`` and ``num_outs``, such
            as ``dict(type='mmdet.FPN', in_channels=[24, 40, 112, 320])``; it has a map for each stride.
        out_channels: channels of every map.
        strides: strides of the maps, those of the backbone first, each twice the one before.
        init_cfg: initialisation config of MMEngine.
    """

    def __init__(
        self,
        backbone: dict,
        neck: dict,
        out_channels: int = 256,
        strides: Sequence[int] = (4, 8, 16, 32),
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.out_channels, self.strides = out_channels, tuple(strides)
        self.backbone = MODELS.build(backbone)
        self.neck = MODELS.build({**neck, 'out_channels': out_channels, 'num_outs': len(self.strides)})

    def forward(self, pair: Tensor, content: Content | None = None) -> tuple[Tensor, ...]:
        """Computes the maps of a pair.

        Args:
            pair: B×6×H×W, two normalised RGB images along the channels.
            content: sizes of the images in the batch; None finds them.

        Returns:
            Maps B×out_channels×ceil(H/s)×ceil(W/s) for each stride s, finest first. In a batch of several sizes, the
            backbone sees smaller images continued by their last pixels.
        """
        content = content or Content.of(pair)
        maps = self.neck(self.backbone(content.without_padding(pair)))
        return tuple(content.fit(one, stride) for one, stride in zip(maps, self.strides, strict=True))
