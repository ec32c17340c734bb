"""mmdet's transforms that mix several images or warp one, for pairs.

mmdet's transforms fill what no image covers with three channels. Here each transform is applied twice with the same
random numbers, to the visible image and to its partner, so that both are mixed alike and stay aligned.
"""

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmdet.datasets.transforms import CachedMixUp, CachedMosaic, MixUp, Mosaic, RandomAffine

from mmdefusion.registry import TRANSFORMS

LABELS = ('gt_bboxes', 'gt_bboxes_labels', 'gt_ignore_flags')  # keys that mmdet's transforms need besides the image


class PairedTransform(BaseTransform):
    """Applies a transform of mmdet to both images of a pair. Put it after ``AppendPartner``.

    Required and modified key: img (H×W×4 or H×W×6, the visible image in the first three channels). Other keys are those
    of mmdet's class; annotations (boxes, and masks if the class supports them) follow the visible image.

    Args:
        **options: arguments of mmdet's class; ``pad_val`` is one number or three.

    Raises:
        ValueError: if the image has no partner.
    """

    kind: type[BaseTransform]  # the transform of mmdet

    def __init__(self, **options: Any) -> None:
        self.visible, self.partner = self.kind(**options), self.kind(**options)  # two objects, as each may keep a cache

    def transform(self, results: dict) -> dict | None:
        """Applies the transform to both images with the same random numbers."""
        partner = {key: copy.deepcopy(results[key]) for key in LABELS if key in results}
        partner['img'] = partner_of(results)
        visible = dict(results, img=visible_of(results))
        if 'mix_results' in results:
            others = results['mix_results']
            partner['mix_results'] = [
                dict({key: copy.deepcopy(other[key]) for key in LABELS}, img=partner_of(other)) for other in others
            ]
            visible['mix_results'] = [dict(other, img=visible_of(other)) for other in others]
        # mmdet's transforms take random numbers from NumPy's global state
        state = np.random.get_state()
        visible = self.visible.transform(visible)
        np.random.set_state(state)
        partner = self.partner.transform(partner)
        if visible is None:
            return None
        channels = results['img'].shape[2] - 3
        visible['img'] = np.concatenate([visible['img'], partner['img'][..., :channels]], axis=2)
        return visible

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}({self.visible!r})'


class PairedMix(PairedTransform):
    """A transform for ``MultiImageMixDataset``, which asks it for the indices of the other samples."""

    def get_indexes(self, dataset: Sequence) -> int | list[int]:
        """Samples the indices of the other samples."""
        return self.visible.get_indexes(dataset)


@TRANSFORMS.register_module()
class PairedMosaic(PairedMix):
    """mmdet's Mosaic of four pairs, in a ``MultiImageMixDataset`` (YOLOX's recipe)."""

    kind = Mosaic


@TRANSFORMS.register_module()
class PairedMixUp(PairedMix):
    """mmdet's MixUp of two pairs, in a ``MultiImageMixDataset`` (YOLOX's recipe)."""

    kind = MixUp


@TRANSFORMS.register_module()
class PairedCachedMosaic(PairedTransform):
    """mmdet's CachedMosaic of four pairs (RTMDet's recipe)."""

    kind = CachedMosaic


@TRANSFORMS.register_module()
class PairedCachedMixUp(PairedTransform):
    """mmdet's CachedMixUp of two pairs (RTMDet's recipe)."""

    kind = CachedMixUp


@TRANSFORMS.register_module()
class PairedRandomAffine(PairedTransform):
    """mmdet's RandomAffine for a pair (YOLOX's recipe); mmdet's own would leave a black border in the partner."""

    kind = RandomAffine


def visible_of(results: dict) -> np.ndarray:
    """The visible image of a sample, H×W×3."""
    return results['img'][..., :3]


def partner_of(results: dict) -> np.ndarray:
    """The partner of a sample, H×W×3; a single channel is repeated.

    Raises:
        ValueError: if the sample has no partner.
    """
    image = results['img']
    if image.ndim != 3 or image.shape[2] not in (4, 6):
        raise ValueError(
            f'{results.get("img_path")} has shape {image.shape}, but a pair has 4 or 6 channels: put '
            "dict(type='mmdefusion.AppendPartner') before the mix; with MultiImageMixDataset, into the inner pipeline."
        )
    return np.repeat(image[..., 3:], 3, axis=2) if image.shape[2] == 4 else image[..., 3:]
