"""Converts batches to RGB in [0, 1] for pretraining and fusing."""

from typing import Any

import torch
from mmengine.model import BaseDataPreprocessor
from torch import Tensor

from mmdefusion.registry import MODELS


@MODELS.register_module()
class PretrainingDataPreprocessor(BaseDataPreprocessor):
    """Stacks BGR images of one size in 0-255 to RGB B×3×H×W in [0, 1]; pairs to B×6×H×W, visible first.

    A grey partner (the fourth of four channels) is repeated to three. Images are not normalised further: views are
    sampled and losses computed in [0, 1].
    """

    def forward(self, data: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """Converts a batch.

        Raises:
            ValueError: if images have other than 3, 4 or 6 channels, or differ in size.
        """
        data = self.cast_data(data)
        images = data['inputs']
        if len(shapes := {tuple(image.shape) for image in images}) > 1:
            raise ValueError(f'The images of a batch have shapes {sorted(shapes)}: add a crop of one size.')
        return {**data, 'inputs': to_rgb(torch.stack(list(images))).float() / 255}


def to_rgb(images: Tensor) -> Tensor:
    """Turns BGR images B×3×H×W into RGB, and BGR with a partner of one or three channels into B×6×H×W."""
    channels = images.shape[1]
    if channels not in (3, 4, 6):
        raise ValueError(f'The images have {channels} channels; 3 (BGR), 4 (BGR + infrared) or 6 were expected.')
    visible, partner = images[:, [2, 1, 0]], images[:, 3:].flip(1)
    if channels == 3:
        return visible
    return torch.cat([visible, partner.expand(-1, 3, -1, -1)], dim=1)
