"""How far boxes lie on each other."""

import numpy as np
from numpy.typing import NDArray


def box_overlaps(box: NDArray, boxes: NDArray) -> NDArray:
    """IoU of a box x0 y0 x1 y1 with each of others, N×4: shape (N,), 0 to 1."""
    low, high = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
    inside = (high - low).clip(min=0).prod(1)
    areas = [(one[..., 2:] - one[..., :2]).prod(-1) for one in (box, boxes)]
    return inside / (areas[0] + areas[1] - inside).clip(min=1e-9)
