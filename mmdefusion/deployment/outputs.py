"""What a network of an ONNX file gives: checked before anything believes it, as the file may be anybody's."""

import os
from collections.abc import Sequence

import numpy as np

from .metadata import Metadata

MOST_FOUND = 100_000  # boxes of one image
FAR = 1e6  # pixels that a box lies from its image at most
KINDS = {'f': 'floating', 'iu': 'whole'}


def check_outputs(outputs: Sequence[np.ndarray], seen: Sequence[int], metadata: Metadata, name: str) -> None:
    """Refuses outputs that those of the file's task cannot be.

    Args:
        outputs: of a run.
        seen: shape of the visible images of that run, N×3×H×W.
        metadata: of the file.
        name: name of the file in error messages.

    Raises:
        ValueError: if their number, shapes or dtypes are wrong, or a number is not finite or out of range.
    """
    try:
        CHECKS[metadata.task](outputs, tuple(seen), metadata)
    except ValueError as error:
        raise ValueError(f'{os.fspath(name)} gives {error}: export the network again.') from None


def _check_fused(images: Sequence[np.ndarray], seen: tuple[int, ...], _: Metadata) -> None:
    for image in images:
        _check(image, 'an image', 'f', seen)
        _check_finite(image, 'an image')


def _check_found(outputs: Sequence[np.ndarray], seen: tuple[int, ...], metadata: Metadata) -> None:
    if len(outputs) not in (3, 4):
        raise ValueError(f'{len(outputs)} outputs, not boxes, scores, labels and perhaps masks')
    boxes, scores, labels, *masks = outputs
    _check(boxes, 'boxes', 'f', (seen[0], None, 4))
    count = boxes.shape[1]
    if count > MOST_FOUND:
        raise ValueError(f'{count} boxes, where {MOST_FOUND} are the most')
    _check(scores, 'scores', 'f', (seen[0], count))
    _check(labels, 'labels', 'iu', (seen[0], count))
    there = labels >= 0  # the rest fills a batch up
    _check_classes(labels[there], metadata)
    if not (np.isfinite(scores[there]).all() and (np.abs(boxes[there]) <= FAR).all()):
        raise ValueError('boxes or scores that are not finite, or boxes far away from the image')
    for mask in masks:
        _check(mask, 'masks', 'f', (seen[0], count, None, None))
        if not np.isfinite(mask[there]).all():
            raise ValueError('masks whose values are not finite')


def _check_labelled(outputs: Sequence[np.ndarray], seen: tuple[int, ...], metadata: Metadata) -> None:
    what = 'logits' if metadata.logits else 'a map of labels'
    if len(outputs) != 1:
        raise ValueError(f'{len(outputs)} outputs, not one: {what}')
    if metadata.logits:
        _check(outputs[0], what, 'f', (seen[0], len(metadata.classes), *seen[2:]))
        _check_finite(outputs[0], what)
    else:
        _check(outputs[0], what, 'iu', (seen[0], *seen[2:]))
        _check_classes(outputs[0], metadata)


def _check(array: np.ndarray, what: str, kinds: str, shape: Sequence[int | None]) -> None:
    """Refuses another kind of number, or another shape; None in it is any length."""
    dtype, found = getattr(array, 'dtype', np.dtype(object)), np.shape(array)
    if dtype.kind not in kinds:
        raise ValueError(f'{what} of {dtype}, not of {KINDS[kinds]} numbers')
    if len(found) != len(shape) or any(b is not None and a != b for a, b in zip(found, shape, strict=True)):
        wanted = ' x '.join('any' if side is None else str(side) for side in shape)
        raise ValueError(f'{what} of shape {" x ".join(map(str, found)) or "()"}, not {wanted}')


def _check_finite(array: np.ndarray, what: str) -> None:
    if not np.isfinite(array.sum(dtype=np.float64)):
        raise ValueError(f'{what} whose values are not finite')


def _check_classes(labels: np.ndarray, metadata: Metadata) -> None:
    classes = len(metadata.classes)
    for label in (labels.min(), labels.max()) if labels.size else ():
        if not 0 <= label < classes:
            raise ValueError(f'label {label} of {classes} classes')


CHECKS = {'fuse': _check_fused, 'detect': _check_found, 'segment': _check_labelled}
