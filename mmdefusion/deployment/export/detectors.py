"""Detectors of mmdet as exportable modules: same results as in PyTorch, in shapes that do not depend on the images."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from mmdet.models import BaseDetector
from mmdet.models.dense_heads.base_dense_head import BaseDenseHead
from torch import Tensor, nn

from mmdefusion.models.layers.padding import exported_size

from .inputs import PairInput, name_maps
from .suppression import check_suppression, choose

Size = tuple[int, int]
STEPS = ('predict', 'predict_by_feat', '_predict_by_feat_single', '_bbox_post_process')


class ExportedDetector(nn.Module):
    """A detector from two images to boxes, or to the maps that its head reads.

    Args:
        model: the detector, in evaluation mode.
        features: whether to stop at the maps.

    Raises:
        ValueError: if the head is none that can be exported, or its suppression none.
    """

    def __init__(self, model: BaseDetector, features: bool = False) -> None:
        super().__init__()
        preprocessor = model.data_preprocessor
        self.input = PairInput(preprocessor.pair_normalizer, preprocessor.pad_size_divisor, preprocessor.pad_value)
        self.model = model
        self.head = None if features else find_head(model)
        outputs = ('boxes', 'scores', 'labels', *(('masks',) if model.with_mask else ()))
        self.outputs = name_maps(model, self.input) if features else outputs

    def forward(self, visible: Tensor, infrared: Tensor) -> tuple[Tensor, ...]:
        """Detects in pairs.

        Args:
            visible, infrared: N×3×H×W, RGB from 0 to 255.

        Returns:
            Boxes N×K×4 (x0 y0 x1 y1 in pixels), scores N×K, descending, and labels N×K; a place without a box has
            score 0 and label -1. Where the head has them masks, N×K×h×w over each box, 0 to 1. Or the maps, finest
            first.
        """
        size = tuple(visible.shape[-2:])
        with exported_size(size):
            maps = self.model.extract_feat(self.input(visible, infrared))
        return tuple(maps) if self.head is None else self.head(self.model, maps, size)


Head = Callable[[BaseDetector, Sequence[Tensor], Size], tuple[Tensor, ...]]


def find_head(model: BaseDetector) -> Head:
    """The function that turns the maps of a detector into boxes.

    Raises:
        ValueError: if there is none for its head, or for the suppression of its boxes.
    """
    from mmdet.models import DINO, CascadeRoIHead, FCNMaskHead, RPNHead, StandardRoIHead, TwoStageDetector

    if isinstance(model, DINO):
        from .dino import detect_by_queries

        return detect_by_queries
    roi_head = getattr(model, 'roi_head', None)
    plain = type(roi_head) is StandardRoIHead and (not roi_head.with_mask or type(roi_head.mask_head) is FCNMaskHead)
    cascaded = type(roi_head) is CascadeRoIHead and not roi_head.with_mask
    if isinstance(model, TwoStageDetector) and type(model.rpn_head) is RPNHead and (plain or cascaded):
        from .two_stages import check_stages, detect_in_two_stages

        check_stages(roi_head)
        for settings in (model.rpn_head.test_cfg, roi_head.test_cfg):
            check_suppression(settings.get('nms'))
        return detect_in_two_stages
    head = getattr(model, 'bbox_head', None)
    if decodes_plainly(head):
        check_suppression(head.test_cfg.get('nms'))
        return detect_densely
    heads = (getattr(model, 'rpn_head', None), roi_head) if roi_head else (head,)
    names = ' and '.join(type(one).__name__ for one in heads if one is not None)
    raise ValueError(
        f'{type(model).__name__} with {names} cannot be exported as a whole: heads of one stage that decode boxes as '
        'ATSS, RetinaNet, FCOS and RTMDet do, Faster R-CNN, Mask R-CNN, Cascade R-CNN without masks, and DINO can; '
        'for others take --what features.'
    )


def decodes_plainly(head: nn.Module | None) -> bool:
    """Whether a head turns its maps into boxes as mmdet's BaseDenseHead, which :func:`detect_densely` does.

    Heads with steps of their own (PAA, FoveaBox, TOOD, GFL, YOLOX, …) have priors too, and other boxes.
    """
    plain = isinstance(head, BaseDenseHead) and hasattr(head, 'prior_generator')
    own_scores = getattr(getattr(head, 'loss_cls', None), 'custom_cls_channels', False)
    return plain and not own_scores and all(getattr(type(head), s) is getattr(BaseDenseHead, s) for s in STEPS)


def detect_densely(model: BaseDetector, maps: Sequence[Tensor], size: Size) -> tuple[Tensor, Tensor, Tensor]:
    """Boxes of a head that scores priors at every place of every level."""
    head, found = model.bbox_head, model.bbox_head(maps)
    boxes, scores, labels = decode_levels(head, *found, settings=head.test_cfg)
    settings = head.test_cfg
    boxes = clip(boxes, size)
    return choose(boxes, scores * large(boxes, settings), labels, settings.nms, settings.max_per_img)


def decode_levels(
    head: BaseDenseHead,
    class_maps: Sequence[Tensor],
    box_maps: Sequence[Tensor],
    factor_maps: Sequence[Tensor] | None = None,
    *,
    settings: Any,
    apart: bool = False,
) -> tuple[Tensor, Tensor, Tensor]:
    """The best candidates of each level.

    Args:
        head: that of the maps.
        class_maps, box_maps, factor_maps: what it gives for each level.
        settings: its test_cfg.
        apart: whether the level takes the place of the label, as in region proposals.

    Returns:
        Boxes N×K×4, scores N×K (0 where a candidate does not count), labels N×K.
    """
    grids = [tuple(found.shape[-2:]) for found in class_maps]
    priors = head.prior_generator.grid_priors(grids, dtype=class_maps[0].dtype, device=class_maps[0].device)
    classes, most = head.cls_out_channels, settings.get('nms_pre', -1)
    kept = []
    for level, prior in enumerate(priors):
        logits, deltas = (as_rows(found[level], width) for found, width in ((class_maps, classes), (box_maps, 4)))
        scores = (logits.sigmoid() if head.use_sigmoid_cls else logits.softmax(-1)[..., :-1]).flatten(1)
        classes_here = classes if head.use_sigmoid_cls else classes - 1
        if most > 0:
            scores, place = scores.topk(torch.sym_min(most, scores.shape[1]))
        else:
            place = torch.arange(scores.shape[1], device=scores.device)[None].expand(len(scores), -1)
        labels, place = place % classes_here, place // classes_here
        scores = torch.where(scores > settings.get('score_thr', -1), scores, 0.0)
        if factor_maps is not None:
            scores = scores * as_rows(factor_maps[level], 1)[..., 0].sigmoid().gather(1, place)
        deltas = deltas.gather(1, place[..., None].expand(-1, -1, 4))
        boxes = head.bbox_coder.decode(prior[place].flatten(0, 1), deltas.flatten(0, 1))
        kept.append((boxes.unflatten(0, place.shape), scores, torch.full_like(labels, level) if apart else labels))
    boxes, scores, labels = (torch.cat(parts, dim=1) for parts in zip(*kept, strict=True))
    return boxes, scores, labels


def as_rows(found: Tensor, width: int) -> Tensor:
    """N×(A·width)×h×w to N×(h·w·A)×width."""
    return found.permute(0, 2, 3, 1).reshape(found.shape[0], -1, width)


def clip(boxes: Tensor, size: Size) -> Tensor:
    """Boxes …×4 inside the image."""
    height, width = size
    x, y = boxes[..., 0::2].clamp(0, width), boxes[..., 1::2].clamp(0, height)
    return torch.stack([x, y], dim=-1).flatten(-2)


def large(boxes: Tensor, settings: Any) -> Tensor:
    """Whether boxes …×4 have the smallest size that counts."""
    least = settings.get('min_bbox_size', -1)
    return ((boxes[..., 2:] - boxes[..., :2]) > least).all(-1)
