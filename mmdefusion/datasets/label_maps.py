"""Reads label maps as training sees them."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from mmdefusion.utils.compat import installed

if installed('mmseg'):
    from mmseg.datasets.transforms import LoadAnnotations


def read_label_map(info: Mapping[str, Any], backend_args: dict | None = None) -> np.ndarray:
    """The label map of an image by mmseg's loader: H×W, or H×W×3 of a colour image that is none.

    Args:
        info: ``data_info`` of a data set of mmseg.
        backend_args: those of the data set.

    Raises:
        ValueError: if the file cannot be read.
    """
    try:
        return LoadAnnotations(backend_args=backend_args)(dict(info, seg_fields=[]))['gt_seg_map']
    except Exception as error:  # mmseg's loader may raise anything
        raise ValueError(f'{info["seg_map_path"]} is not a label map that can be read ({error})') from error
