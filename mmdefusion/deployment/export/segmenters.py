"""Segmenters of mmseg as exportable modules."""

import math
from contextlib import nullcontext
from copy import deepcopy

import torch
from mmseg.models.segmentors import EncoderDecoder
from mmseg.structures import SegDataSample
from torch import Tensor, nn
from torch.nn.functional import interpolate

from mmdefusion.models.layers.padding import exported_size

from .inputs import PairInput, name_maps


class ExportedSegmenter(nn.Module):
    """A segmenter from two images to a label map or logits, or to the maps that its head reads.

    Args:
        model: the segmenter, in evaluation mode.
        features: whether to stop at the maps.
        logits: whether to stop at the logits of all classes, which are resized before labels are told.

    Raises:
        ValueError: if it is tested in sliding windows, is a cascade, or pads images to one size or with a value.
    """

    def __init__(self, model: EncoderDecoder, features: bool = False, logits: bool = False) -> None:
        super().__init__()
        mode = model.test_cfg.get('mode', 'whole')
        if (
            mode != 'whole'
            or not isinstance(model.decode_head, nn.Module)
            or isinstance(model.decode_head, nn.ModuleList)
        ):
            raise ValueError(
                f'{type(model).__name__} in mode {mode!r} cannot be exported: one head on whole images can.'
            )
        preprocessor = model.data_preprocessor
        padding = getattr(preprocessor, 'test_cfg', None) or {}
        if padding.get('size') is not None:
            raise ValueError(
                f'test_cfg=dict(size={tuple(padding["size"])}) of the data preprocessor cannot be exported: leave it '
                'out, or take size_divisor instead.'
            )
        value = getattr(preprocessor, 'pad_val', 0)
        self.input = PairInput(preprocessor.pair_normalizer, padding.get('size_divisor') or 1, value)
        self.model = pool_by_products(model)
        self.features, self.logits = features, logits
        self.outputs = name_maps(self.model, self.input) if features else ('logits' if logits else 'mask',)

    def forward(self, visible: Tensor, infrared: Tensor) -> tuple[Tensor, ...]:
        """Segments pairs.

        Args:
            visible, infrared: N×3×H×W, RGB from 0 to 255.

        Returns:
            Labels N×H×W, or logits N×C×H×W. Or the maps, finest first.
        """
        height, width = visible.shape[-2:]
        pair = self.input(visible, infrared)
        with exported_size((height, width)) if self.input.divisor > 1 else nullcontext():
            maps = self.model.extract_feat(pair)
        if self.features:
            return tuple(maps)
        logits = self._logits(maps, tuple(pair.shape[-2:]))
        logits = two_classes(logits[..., :height, :width], self.model.decode_head)
        return (logits if self.logits else logits.argmax(1),)

    def _logits(self, maps: tuple[Tensor, ...], size: tuple[int, int]) -> Tensor:
        """The logits of all classes, N×C×H×W."""
        head = self.model.decode_head
        if hasattr(head, 'pixel_decoder'):
            from .deformable import open_sizes

            with open_sizes():
                classes, masks = (found[-1] for found in head(maps, [SegDataSample()] * 1))
            masks = interpolate(masks, size=size, mode='bilinear', align_corners=False)
            return torch.einsum('bqc,bqhw->bchw', classes.softmax(-1)[..., :-1], masks.sigmoid())
        return interpolate(head(maps), size=size, mode='bilinear', align_corners=head.align_corners)


def two_classes(logits: Tensor, head: nn.Module) -> Tensor:
    """Logits N×C×H×W of at least two classes: that of a head with one output is compared with 0.

    Its threshold is taken off before, so that the second class wins where the first would be surpassed; as the weights
    of a bilinear mean add up to 1, that holds for resized logits too.
    """
    if logits.shape[1] > 1:
        return logits
    threshold = min(max(float(head.threshold), 1e-6), 1 - 1e-6)
    logits = logits - math.log(threshold / (1 - threshold))
    return torch.cat([torch.zeros_like(logits), logits], dim=1)


class PoolByProducts(nn.Module):
    """AdaptiveAvgPool2d as two products with matrices of shares, which have a standard form for open sizes."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side = side

    def forward(self, maps: Tensor) -> Tensor:
        rows, columns = (self._shares(side, maps) for side in maps.shape[-2:])
        return rows @ maps @ columns.T

    def _shares(self, length: int, like: Tensor) -> Tensor:
        """side×length: which share of each bin a place has; bins overlap where they do not divide the length."""
        place = torch.arange(length, device=like.device)
        bins = torch.arange(self.side, device=like.device)[:, None]
        first, end = bins * length // self.side, ((bins + 1) * length + self.side - 1) // self.side
        inside = ((place >= first) & (place < end)).to(like.dtype)
        return inside / (end - first)


def pool_by_products(model: nn.Module) -> nn.Module:
    """A copy of a model in which adaptive pooling to several cells is exportable."""
    model = deepcopy(model)
    for parent in list(model.modules()):
        for name, part in list(parent.named_children()):
            if isinstance(part, nn.AdaptiveAvgPool2d) and part.output_size not in (1, (1, 1)):
                setattr(parent, name, PoolByProducts(part.output_size))
    return model
