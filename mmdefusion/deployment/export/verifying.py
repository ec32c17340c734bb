"""Compares an exported file with PyTorch on real pairs."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from mmdefusion.evaluation.functional.boxes import box_overlaps
from mmdefusion.inference.sources import Item

from ..network import OnnxNetwork
from .loading import ALL, Cut, Loaded
from .pairs import RUNTIMES, network_inputs

FEATURES = 1e-3  # largest difference of features, and of images in [0, 1]
OVERLAP, SCORE = 0.99, 0.01  # smallest IoU (of boxes, and of masks) and largest difference of scores of a match
SHARE = 0.999  # smallest share of pixels with equal labels


@dataclass(frozen=True)
class Comparison:
    """What a comparison found.

    Attributes:
        passed: whether all pairs are within the tolerance.
        text: one line for people.
        value: largest difference, or smallest share of matched boxes or equal pixels.
    """

    passed: bool
    text: str
    value: float


def verify(file: str | os.PathLike, loaded: Loaded, items: Sequence[Item]) -> Comparison:
    """Runs the file and PyTorch on the same pairs.

    Args:
        file: the exported file.
        loaded: the network that it was exported from.
        items: the pairs.
    """
    metadata = OnnxNetwork(file).metadata
    if metadata.what == 'features' or metadata.task == 'fuse':
        return compare_outputs(file, loaded, items)
    runtime = RUNTIMES[metadata.task](file, show_progress=False)
    ours = [runtime(*pair, resize=True)['predictions'][0] for pair in (item.images for item in items)]
    theirs = [loaded.inferencer(*pair, resize=True)['predictions'][0] for pair in (item.images for item in items)]
    if metadata.task == 'segment':
        share = float(min(np.mean(a == b) for a, b in zip(ours, theirs, strict=True)))
        text = f'{len(items)} pairs: at least {100 * share:.3f} % of the pixels of a mask are equal'
        return Comparison(share >= SHARE, f'{text} (99.9 needed)', share)
    counts = [match_boxes(a, b, loaded.cut) for a, b in zip(ours, theirs, strict=True)]
    matched, total = (sum(column) for column in zip(*counts, strict=True))
    text = f'{len(items)} pairs: {matched} of {total} boxes match at IoU {OVERLAP} and score ± {SCORE}'
    return Comparison(
        0 < matched == total, text if total else f'{text}: take pairs with objects', matched / max(total, 1)
    )


def compare_outputs(file: str | os.PathLike, loaded: Loaded, items: Sequence[Item]) -> Comparison:
    """Compares all outputs of the network."""
    network, largest = OnnxNetwork(file), 0.0
    for visible, infrared in network_inputs(list(items), network.metadata, None):
        given = torch.from_numpy(visible), torch.from_numpy(infrared).expand(-1, 3, -1, -1)
        with torch.no_grad():
            wanted = loaded.module(*given)
        found = network(visible, infrared)
        differences = (np.abs(a - b.numpy()).max() for a, b in zip(found, wanted, strict=True))
        largest = max(largest, *map(float, differences))
    text = f'{len(items)} pairs: the largest difference is {largest:.2e} (at most {FEATURES:g} allowed)'
    return Comparison(largest <= FEATURES, text, largest)


def match_boxes(ours: dict, theirs: dict, cut: Cut = ALL) -> tuple[int, int]:
    """Counts the boxes of both sides that have a partner on the other, and all boxes.

    Boxes whose score is so near to where the detector cuts that rounding decides whether they are kept do not count:
    near its least score, or near the weakest box of a side that has as many as it may have.

    Args:
        ours, theirs: ``bboxes``, ``scores`` and ``labels`` of an image, and ``masks`` (COCO's runs) or none.
        cut: which boxes the detector keeps.
    """
    both = [
        (
            np.array(one['bboxes'], float).reshape(-1, 4),
            np.array(one['scores']),
            np.array(one['labels']),
            one.get('masks') or [None] * len(one['scores']),
        )
        for one in (ours, theirs)
    ]
    scores = [one[1] for one in both]
    edge = max([cut.score, *(values.min() for values in scores if len(values) >= cut.count)]) + SCORE
    matched = total = 0
    for found, (other_boxes, other_scores, other_labels, other_masks) in (both, both[::-1]):
        for box, score, label, mask in zip(*found, strict=True):
            if score <= edge:
                continue
            near = (other_labels == label) & (np.abs(other_scores - score) <= SCORE)
            near &= box_overlaps(box, other_boxes) >= OVERLAP
            total += 1
            matched += any(same_mask(mask, other_masks[place]) for place in np.flatnonzero(near))
    return matched, total


def same_mask(one: dict | None, other: dict | None) -> bool:
    """Whether two masks have an IoU of :data:`OVERLAP`, or are both empty or None."""
    if one == other:
        return True
    from pycocotools.mask import iou

    return bool(iou([one], [other], [0])[0, 0] >= OVERLAP)
