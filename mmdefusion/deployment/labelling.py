"""Label maps from the logits of segmenters, in the size of the pair, in NumPy."""

import numpy as np


def label_pixels(logits: np.ndarray, size: tuple[int, int], align_corners: bool = False) -> np.ndarray:
    """The class of each pixel, as mmseg finds it: logits are resized (bilinear) before the largest one is taken.

    Classes are resized one at a time, as the logits of all in the size of a large image would not fit into memory.

    Args:
        logits: C×h×w.
        size: height and width of the result.
        align_corners: whether the middles of the corner pixels stay where they are, else the corners of the image do.

    Returns:
        H×W uint16; of several classes that are equal, the first.
    """
    if logits.shape[1:] == size:
        return logits.argmax(0).astype(np.uint16)
    rows, columns = (neighbours(*sides, align_corners) for sides in zip(logits.shape[1:], size, strict=True))
    labels, best = np.zeros(size, np.uint16), np.full(size, -np.inf, np.float32)
    for label, plane in enumerate(logits.astype(np.float32, copy=False)):
        values = mix(mix(plane, *columns).T, *rows).T
        better = values > best
        labels[better] = label
        np.copyto(best, values, where=better)
    return labels


def neighbours(length: int, wanted: int, align_corners: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The two places of a line that each place of the resized line lies between, and the share of the second one."""
    place = np.arange(wanted)
    if align_corners:
        found = place * ((length - 1) / max(wanted - 1, 1))
    else:
        found = ((place + 0.5) * (length / wanted) - 0.5).clip(min=0)
    first = np.floor(found).astype(int).clip(max=length - 1)
    return first, (first + 1).clip(max=length - 1), (found - first).astype(np.float32)


def mix(lines: np.ndarray, first: np.ndarray, second: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Resizes the last axis of an array between two places each."""
    return lines[..., first] * (1 - share) + lines[..., second] * share
