"""Packs the inputs at the end of a pipeline without labels."""

from collections.abc import Sequence

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.structures import BaseDataElement

from mmdefusion.registry import TRANSFORMS


@TRANSFORMS.register_module()
class PackImages(BaseTransform):
    """Packs an image or a pair for fusing and pretraining.

    Required key: img (H×W×C). Returns ``inputs`` (C×H×W tensor of the same dtype) and ``data_samples``.

    Args:
        meta_keys: keys that go into ``data_samples`` as meta information, if they exist.
    """

    def __init__(self, meta_keys: Sequence[str] = ('img_path', 'img_ir_path', 'ori_shape', 'img_shape')) -> None:
        self.meta_keys = tuple(meta_keys)

    def transform(self, results: dict) -> dict:
        """Packs ``results``."""
        meta = {key: results[key] for key in self.meta_keys if key in results}
        image = torch.from_numpy(np.ascontiguousarray(results['img'].transpose(2, 0, 1)))
        return dict(inputs=image, data_samples=BaseDataElement(metainfo=meta))

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}(meta_keys={self.meta_keys})'
