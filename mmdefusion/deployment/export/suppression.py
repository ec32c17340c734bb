"""Suppression of boxes that overlap, as mmcv's batched_nms."""

from typing import Any

import torch
from torch import Tensor

from .operators import suppress

KNOWN = ('type', 'iou_threshold', 'class_agnostic', 'split_thr')  # the last one parts long lists by class, as we do


def check_suppression(nms: Any) -> None:
    """Refuses suppression that :func:`choose` does not do.

    Args:
        nms: its config.

    Raises:
        ValueError: if it is not the plain one, or has other settings.
    """
    if not nms or 'iou_threshold' not in nms:
        raise ValueError(f'Suppression by nms={nms} has no iou_threshold: set it.')
    if nms.get('type', 'nms') != 'nms':
        raise ValueError(f'Suppression by {nms["type"]!r} has no standard operator: set it to nms.')
    known = KNOWN[:3] if nms.get('class_agnostic') else KNOWN
    if other := [f'{key}={value!r}' for key, value in nms.items() if key not in known]:
        raise ValueError(f'Suppression with {", ".join(other)} cannot be exported: take it out of nms in test_cfg.')


def choose(boxes: Tensor, scores: Tensor, labels: Tensor, nms: Any, most: int) -> tuple[Tensor, Tensor, Tensor]:
    """Suppression by class, or of all boxes alike, and the best that are left.

    Of 10,000 candidates and more, mmcv compares those of one class only, even where all are to be alike; we do not.

    Args:
        boxes: N×K×4.
        scores: N×K, 0 where a candidate does not count.
        labels: N×K.
        nms: the config of suppression, see :func:`check_suppression`.
        most: boxes that are kept for each image.
    """
    compared = boxes
    if not nms.get('class_agnostic'):
        # boxes of different labels are moved apart, as in mmcv's batched_nms
        compared = boxes + labels[..., None] * (boxes.flatten(1).amax(1) + 1)[:, None, None]
    kept = suppress(compared, scores, float(nms['iou_threshold']), most)
    scores, place = kept.topk(torch.sym_min(most, kept.shape[1]))
    labels = torch.where(scores > 0, labels.gather(1, place), -1)
    return boxes.gather(1, place[..., None].expand(-1, -1, 4)), scores, labels
