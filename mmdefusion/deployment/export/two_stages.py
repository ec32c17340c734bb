"""Faster R-CNN, Mask R-CNN and Cascade R-CNN: proposals, and heads that look at each of them."""

from collections.abc import Sequence

import torch
from mmcv.ops import RoIAlign
from mmdet.models import (
    BBoxHead,
    CascadeRoIHead,
    ConvFCBBoxHead,
    Shared2FCBBoxHead,
    Shared4Conv1FCBBoxHead,
    SingleRoIExtractor,
    StandardRoIHead,
    TwoStageDetector,
)
from torch import Tensor, nn

from .detectors import Size, clip, decode_levels, large
from .operators import roi_align
from .suppression import choose

BOX_HEADS = (BBoxHead, ConvFCBBoxHead, Shared2FCBBoxHead, Shared4Conv1FCBBoxHead)


def detect_in_two_stages(model: TwoStageDetector, maps: Sequence[Tensor], size: Size) -> tuple[Tensor, ...]:
    """Boxes N×K×4, scores N×K and labels N×K, and masks N×K×h×w of a Mask R-CNN; see :class:`ExportedDetector`."""
    proposals, sure = propose(model, maps, size)
    batch, count = proposals.shape[:2]
    images = torch.arange(batch, device=proposals.device)[:, None].expand(-1, count).flatten()
    regions, stages, logits = proposals.flatten(0, 1), stages_of(model.roi_head), 0
    for head, extractor in stages:
        found, deltas = head(extract(extractor, maps, images, regions))
        logits = logits + found / len(stages)
        if head is not stages[-1][0]:
            regions = clip(head.bbox_coder.decode(regions, deltas_of_best(head, found, deltas)), size)
    head, classes = stages[-1][0], stages[-1][0].num_classes
    scores = logits.softmax(-1)[:, :classes] * (sure.flatten() > 0)[:, None]
    regions = regions[:, None].expand(-1, 1 if head.reg_class_agnostic else classes, -1)
    boxes = head.bbox_coder.decode(regions.flatten(0, 1), deltas.reshape(-1, 4)).unflatten(0, (-1, regions.shape[1]))
    boxes = clip(boxes.expand(-1, classes, -1), size).unflatten(0, (batch, count)).flatten(1, 2)
    scores = scores.unflatten(0, (batch, count)).flatten(1)
    labels = torch.arange(classes, device=boxes.device).repeat(count)[None].expand(batch, -1)
    settings = model.roi_head.test_cfg
    scores = torch.where(scores > settings.score_thr, scores, 0.0)
    found = choose(boxes, scores, labels, settings.nms, settings.max_per_img)
    return (*found, masks_of(model, maps, found[0], found[2])) if model.with_mask else found


def masks_of(model: TwoStageDetector, maps: Sequence[Tensor], boxes: Tensor, labels: Tensor) -> Tensor:
    """How sure each cell of boxes N×K×4 with labels N×K is to show the object: N×K×h×w, 0 to 1."""
    roi_head = model.roi_head
    extractor = roi_head.bbox_roi_extractor if roi_head.share_roi_extractor else roi_head.mask_roi_extractor
    batch, count = boxes.shape[:2]
    images = torch.arange(batch, device=boxes.device)[:, None].expand(-1, count).flatten()
    logits = roi_head.mask_head(extract(extractor, maps, images, boxes.flatten(0, 1)))
    if not roi_head.mask_head.class_agnostic:
        place = labels.flatten().clamp(min=0)[:, None, None, None]
        logits = logits.gather(1, place.expand(-1, 1, *logits.shape[2:]))
    return logits[:, 0].sigmoid().unflatten(0, (batch, count))


def propose(model: TwoStageDetector, maps: Sequence[Tensor], size: Size) -> tuple[Tensor, Tensor]:
    """Proposals N×K×4 and their scores N×K, 0 where there is none."""
    settings = model.rpn_head.test_cfg
    boxes, scores, levels = decode_levels(model.rpn_head, *model.rpn_head(maps), settings=settings, apart=True)
    boxes = clip(boxes, size)
    return choose(boxes, scores * large(boxes, settings), levels, settings.nms, settings.max_per_img)[:2]


def stages_of(roi_head: StandardRoIHead | CascadeRoIHead) -> list[tuple[nn.Module, nn.Module]]:
    """The box heads and the extractors of their regions, in order."""
    if isinstance(roi_head, CascadeRoIHead):
        return list(zip(roi_head.bbox_head, roi_head.bbox_roi_extractor, strict=True))
    return [(roi_head.bbox_head, roi_head.bbox_roi_extractor)]


def check_stages(roi_head: StandardRoIHead | CascadeRoIHead) -> None:
    """Raises a ValueError if parts of a head of regions do something that :func:`detect_in_two_stages` does not."""
    stages = stages_of(roi_head)
    extractors = [extractor for _, extractor in stages]
    if roi_head.with_mask and not roi_head.share_roi_extractor:
        extractors.append(roi_head.mask_roi_extractor)
    found = ['shared_head'] if roi_head.with_shared_head else []
    for head, _ in stages:
        if type(head) not in BOX_HEADS:
            found.append(type(head).__name__)
        elif head.custom_activation:
            found.append(f'{type(head.loss_cls).__name__}, which makes scores in its own way,')
    for extractor in extractors:
        if type(extractor) is not SingleRoIExtractor:
            found.append(type(extractor).__name__)
        else:
            found += [strange for layer in extractor.roi_layers if (strange := strange_layer(layer))]
    if found:
        raise ValueError(
            f'{type(roi_head).__name__} with {found[0]} cannot be exported as a whole: box heads of convolutions and '
            'linear layers can, on regions that SingleRoIExtractor and RoIAlign (aligned=True, pool_mode="avg") cut '
            'out; for others take --what features.'
        )


def strange_layer(layer: nn.Module) -> str:
    """What of a layer that cuts regions out :func:`extract` does not do; '' if it does all."""
    if type(layer) is not RoIAlign:
        return type(layer).__name__
    side, _ = layer.output_size
    done = dict(aligned=True, pool_mode='avg', output_size=(side, side))
    other = [f'{key}={getattr(layer, key)!r}' for key, value in done.items() if getattr(layer, key) != value]
    return f'RoIAlign({", ".join(other)})' if other else ''


def deltas_of_best(head: nn.Module, logits: Tensor, deltas: Tensor) -> Tensor:
    """The box deltas K×4 of the class that scores best in each region, out of those of all classes, K×(4·classes)."""
    if head.reg_class_agnostic:
        return deltas
    best = logits[:, :-1].argmax(1)
    return deltas.unflatten(1, (-1, 4)).gather(1, best[:, None, None].expand(-1, 1, 4))[:, 0]


def extract(extractor: nn.Module, maps: Sequence[Tensor], images: Tensor, boxes: Tensor) -> Tensor:
    """The features of regions, each from the level of its size.

    Each level sees all regions, those of other levels without area, which cost little; what they give is left out.
    """
    levels = extractor.map_roi_levels(torch.cat([boxes[:, :1], boxes], dim=1), extractor.num_inputs)
    total = 0
    for level, (found, layer) in enumerate(zip(maps, extractor.roi_layers, strict=False)):
        here, (side, _) = (levels == level)[:, None], layer.output_size
        regions = torch.where(here, boxes, 0.0)
        aligned = roi_align(found, images, regions, side, layer.spatial_scale, layer.sampling_ratio)
        total = total + torch.where(here[..., None, None], aligned, 0.0)
    return total
