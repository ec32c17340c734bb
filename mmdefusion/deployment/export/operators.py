"""Operators of heads that torch cannot trace with fixed shapes, or only slowly, and the standard ONNX ones for them."""

import torch
from mmcv.ops import nms
from mmcv.ops import roi_align as mmcv_roi_align
from onnxscript import opset18 as onnx
from torch import Tensor
from torch.nn.functional import grid_sample


@torch.library.custom_op('mmdefusion::suppress', mutates_args=())
def suppress(boxes: Tensor, scores: Tensor, iou_threshold: float, largest: int) -> Tensor:
    """Non-maximum suppression that keeps shapes: scores of suppressed boxes become 0.

    Args:
        boxes: N×K×4, x0 y0 x1 y1.
        scores: N×K; boxes with scores of 0 take no part.
        iou_threshold: overlap from which on the box with the smaller score is suppressed.
        largest: most boxes that are kept for each image.

    Returns:
        N×K.
    """
    kept = torch.zeros_like(scores)
    for image in range(len(boxes)):
        found = (scores[image] > 0).nonzero().flatten()
        if len(found):
            chosen = nms(boxes[image, found].contiguous(), scores[image, found], iou_threshold)[1][:largest]
            kept[image, found[chosen]] = scores[image, found[chosen]]
    return kept


@suppress.register_fake
def _(boxes: Tensor, scores: Tensor, iou_threshold: float, largest: int) -> Tensor:
    return torch.empty_like(scores)


def onnx_suppress(boxes, scores, iou_threshold: float, largest: int):
    """:func:`suppress` by NonMaxSuppression."""
    found = onnx.NonMaxSuppression(
        boxes,
        onnx.Unsqueeze(scores, onnx.Constant(value_ints=[1])),
        onnx.Constant(value_ints=[largest]),
        onnx.Constant(value_floats=[iou_threshold]),
        onnx.Constant(value_floats=[0.0]),
    )
    places = onnx.Gather(found, onnx.Constant(value_ints=[0, 2]), axis=1)  # image and box, without the class
    nothing = onnx.Mul(scores, onnx.Constant(value_float=0.0))
    return onnx.ScatterND(nothing, places, onnx.GatherND(scores, places))


@torch.library.custom_op('mmdefusion::roi_align', mutates_args=())
def roi_align(features: Tensor, images: Tensor, boxes: Tensor, side: int, scale: float, samples: int) -> Tensor:
    """RoIAlign as mmcv's with ``aligned=True``.

    Args:
        features: N×C×H×W.
        images: index of the image of each box, K.
        boxes: K×4 in pixels; what a box without area gives is not the same everywhere.
        side: side of the result.
        scale: of the map.
        samples: in each bin and direction; 0 adapts them to the size.

    Returns:
        K×C×side×side.
    """
    rois = torch.cat([images[:, None].to(boxes), boxes], dim=1)
    return mmcv_roi_align(features, rois, (side, side), scale, samples, 'avg', True)


@roi_align.register_fake
def _(features: Tensor, images: Tensor, boxes: Tensor, side: int, scale: float, samples: int) -> Tensor:
    return features.new_empty(boxes.shape[0], features.shape[1], side, side)


def onnx_roi_align(features, images, boxes, side: int, scale: float, samples: int):
    """:func:`roi_align` by RoiAlign."""
    return onnx.RoiAlign(
        features,
        boxes,
        images,
        coordinate_transformation_mode='half_pixel',
        mode='avg',
        output_height=side,
        output_width=side,
        sampling_ratio=samples,
        spatial_scale=scale,
    )


@torch.library.custom_op('mmdefusion::sample', mutates_args=())
def sample(maps: Tensor, grid: Tensor) -> Tensor:
    """torch's bilinear grid_sample with zeros outside, for which its tracer takes most of the time of a DINO.

    Args:
        maps: N×C×h×w.
        grid: N×Q×P×2, x and y from -1 to 1.

    Returns:
        N×C×Q×P.
    """
    kind = torch.promote_types(maps.dtype, grid.dtype)  # as autocast
    return grid_sample(maps.to(kind), grid.to(kind), mode='bilinear', padding_mode='zeros', align_corners=False)


@sample.register_fake
def _(maps: Tensor, grid: Tensor) -> Tensor:
    kind = torch.promote_types(maps.dtype, grid.dtype)
    return maps.new_empty(maps.shape[0], maps.shape[1], grid.shape[1], grid.shape[2], dtype=kind)


def onnx_sample(maps, grid):
    """:func:`sample` by GridSample."""
    return onnx.GridSample(maps, grid, align_corners=0, mode='bilinear', padding_mode='zeros')


TRANSLATIONS = {
    torch.ops.mmdefusion.suppress.default: onnx_suppress,
    torch.ops.mmdefusion.roi_align.default: onnx_roi_align,
    torch.ops.mmdefusion.sample.default: onnx_sample,
}
