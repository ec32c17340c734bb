"""A backbone of a toolbox as a spatial prior: what its pretraining knows, beside the fused tokens."""

import math
from collections.abc import Sequence

import torch
from mmengine.model import BaseModule
from torch import Tensor

from mmdefusion.registry import MODELS
from mmdefusion.utils.constructors import takes

from ..layers import Content

REMEDY = 'choose maps by out_indices of the backbone or start_level of the neck, or set strides of the pyramid'


@MODELS.register_module()
class BackbonePrior(BaseModule):
    """A backbone over the pair and a neck, whose maps are added to those of a pyramid.

    It stands where a :class:`SpatialPrior` does, in the slot ``spatial_prior`` of :class:`DeFusionPP`, and brings
    weights that a toolbox has, ImageNet's among them. Not part of the paper.

    Args:
        backbone: config of a backbone that reads pairs B×6×H×W, such as ``dict(type='mmdefusion.EarlyFusion',
            backbone=dict(type='mmdefusion.EfficientNetLite0', in_channels=4))``.
        neck: config of a neck behind it, with its toolbox's prefix and without ``out_channels`` and ``num_outs``, such
            as ``dict(type='mmdet.FPN', in_channels=[24, 40, 112, 320])``; it has a map for each stride
            (``start_level=1`` where the strides begin with that of the backbone's second map).
        out_channels: channels of every map.
        strides: strides of the maps, those of the backbone first, each twice the one before.
        init_cfg: initialisation config of MMEngine.

    Raises:
        ValueError: if the neck cannot be built for that many strides.
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
        self.neck_name, self.in_channels = neck.get('type'), neck.get('in_channels')
        self.neck = self._build_neck(neck)

    def forward(self, pair: Tensor, content: Content | None = None) -> tuple[Tensor, ...]:
        """Computes the maps of a pair.

        Args:
            pair: B×6×H×W, two normalised RGB images along the channels.
            content: sizes of the images in the batch; None finds them.

        Returns:
            Maps B×out_channels×ceil(H/s)×ceil(W/s) for each stride s, finest first. In a batch of several sizes, the
            backbone sees smaller images continued by their last pixels.

        Raises:
            ValueError: if the backbone's maps are not those that the neck takes, or the neck's have other strides.
        """
        content = content or Content.of(pair)
        seen = content.without_padding(pair)
        given = self.backbone(seen)
        widths = [one.shape[1] for one in given]
        if isinstance(self.in_channels, list | tuple) and widths != list(self.in_channels):
            raise ValueError(
                f'The backbone gives maps of {widths} channels and {self.neck_name} takes {list(self.in_channels)}: '
                'set in_channels of the neck, or out_indices of the backbone.'
            )
        maps = self.neck(given)
        if not (torch.jit.is_tracing() or torch.compiler.is_compiling()):  # then sizes may be symbols
            self._refuse_other_strides(maps, seen)
        return tuple(content.fit(one, stride) for one, stride in zip(maps, self.strides, strict=True))

    def _build_neck(self, neck: dict) -> BaseModule:
        kind = self.neck_name
        if isinstance(kind, str):
            with MODELS.switch_scope_and_registry(None) as registry:
                kind = registry.get(kind)
        config = {**neck, 'out_channels': self.out_channels}
        if kind is None or takes(kind, 'num_outs'):  # of no name or an unknown one, MMEngine says so
            config['num_outs'] = len(self.strides)
        try:
            return MODELS.build(config)
        except AssertionError as error:  # toolboxes often give no reason
            raise ValueError(
                f'{self.neck_name} with in_channels={self.in_channels} is not built for {len(self.strides)} maps at '
                f'strides {self.strides}{f" ({error})" if str(error) else ""}: {REMEDY}.'
            ) from error

    def _refuse_other_strides(self, maps: Sequence[Tensor], seen: Tensor) -> None:
        """Raises a ValueError if the maps of what the backbone has seen are not those of our strides."""
        sides = seen.shape[-2:]
        if len(maps) == len(self.strides) and all(
            near(cells, side / stride)
            for one, stride in zip(maps, self.strides, strict=True)
            for cells, side in zip(one.shape[-2:], sides, strict=True)
        ):
            return
        found = tuple(2 ** round(math.log2(max(sides) / max(one.shape[-2:]))) for one in maps)
        raise ValueError(f'{self.neck_name} gives maps at strides {found}, and {self.strides} are wanted: {REMEDY}.')


def near(cells: int, wanted: float) -> bool:
    """Whether a side of a map is that of its stride and of none twice or half as large, give or take a cell."""
    return max(cells, wanted) <= 1.5 * min(cells, wanted) + 1
