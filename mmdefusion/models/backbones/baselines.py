"""Baselines for fusion: a stock backbone on one sensor, on both sensors stacked, and one for each sensor."""

from copy import deepcopy
from typing import Literal, get_args

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmdefusion.registry import MODELS
from mmdefusion.utils.constructors import takes

Modality = Literal['visible', 'infrared']


@MODELS.register_module()
class OneModality(BaseModule):
    """A backbone that reads one image of each pair.

    Args:
        backbone: config of any backbone of three input channels, with its toolbox's prefix (``'mmdet.ResNet'``).
        modality: ``'visible'`` or ``'infrared'``.

    Raises:
        ValueError: if ``modality`` has another value.
    """

    def __init__(self, backbone: dict, modality: Modality = 'visible') -> None:
        super().__init__()
        if modality not in get_args(Modality):
            raise ValueError(f'modality={modality!r} is none of {get_args(Modality)}.')
        self.modality = modality
        self.backbone = MODELS.build(backbone)

    def forward(self, pair: Tensor) -> tuple[Tensor, ...]:
        """Applies the backbone to one half of B×6×H×W."""
        visible, infrared = pair.chunk(2, dim=1)
        return self.backbone(visible if self.modality == 'visible' else infrared)


@MODELS.register_module()
class EarlyFusion(BaseModule):
    """A backbone that reads four channels: the visible image and one channel of the infrared image.

    Weights for three channels (ImageNet's) can be loaded: the first convolution gets the mean of its three filters as
    the fourth, and all four are multiplied by 3/4, so that the response to a grey pair of equal images does not change.

    Args:
        backbone: config of a backbone with ``in_channels=4``, with its toolbox's prefix.

    Raises:
        ValueError: if its first convolution does not take four channels.
    """

    def __init__(self, backbone: dict) -> None:
        super().__init__()
        self.backbone = MODELS.build(backbone)
        name, first = next((name, part) for name, part in self.backbone.named_modules() if isinstance(part, nn.Conv2d))
        if first.in_channels != 4:
            remedy = (
                'give it in_channels=4'
                if takes(type(self.backbone), 'in_channels')
                else 'its first convolution is fixed (no in_channels), so choose another backbone, such as mmdet.ResNet'
            )
            raise ValueError(f'{backbone["type"]} takes {first.in_channels} channels: {remedy}.')
        self.first_weight = f'{name}.weight'
        self.backbone._register_load_state_dict_pre_hook(self._inflate)

    def forward(self, pair: Tensor) -> tuple[Tensor, ...]:
        """Applies the backbone to B×6×H×W, whose infrared half becomes one channel."""
        visible, infrared = pair.chunk(2, dim=1)
        return self.backbone(torch.cat([visible, infrared.mean(1, keepdim=True)], dim=1))

    def _inflate(self, state_dict: dict, prefix: str, *_) -> None:
        key = prefix + self.first_weight
        weight = state_dict.get(key)
        if weight is not None and weight.ndim == 4 and weight.shape[1] == 3:
            state_dict[key] = torch.cat([weight, weight.mean(1, keepdim=True)], dim=1) * (3 / 4)


@MODELS.register_module()
class TwoStreams(BaseModule):
    """One backbone for each image of the pair; their maps are averaged.

    Args:
        backbone: config of any backbone of three input channels, with its toolbox's prefix. Both start from its
            ``init_cfg`` and are trained separately.
    """

    def __init__(self, backbone: dict) -> None:
        super().__init__()
        self.visible = MODELS.build(deepcopy(backbone))
        self.infrared = MODELS.build(deepcopy(backbone))

    def forward(self, pair: Tensor) -> tuple[Tensor, ...]:
        """The mean of the maps of both backbones for B×6×H×W."""
        visible, infrared = pair.chunk(2, dim=1)
        streams = self.visible(visible), self.infrared(infrared)
        return tuple((one + other) / 2 for one, other in zip(*streams, strict=True))
