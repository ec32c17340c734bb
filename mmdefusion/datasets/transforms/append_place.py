"""The transform that lets pixels say where in the whole image they lie."""

import numpy as np
from mmcv.transforms import BaseTransform

from mmdefusion.models.layers.place import CHANNELS, LARGEST
from mmdefusion.registry import TRANSFORMS

from .append_partner import refuse_moved


@TRANSFORMS.register_module()
class AppendPlace(BaseTransform):
    """Appends three channels that say where each pixel lies, for :class:`~mmdefusion.KeptTokensHook`.

    Put it into the training pipeline behind ``AppendPartner``, and before the geometric transforms, which then move the
    channels with the pixels. :func:`~mmdefusion.datasets.pipeline_faults.pipeline_faults` says where it stands wrong.

    Required keys: img (H×W×4 or H×W×6, the pair), img_path.

    Modified keys: img (H×W×7 or H×W×9, dtype kept): the place across and down, 0 to 255 from edge to edge, and a mark
    of 255, which is less wherever a later transform fills in or blends.

    Raises:
        ValueError: if the image is no pair, or a geometric transform came first.
    """

    def transform(self, results: dict) -> dict:
        """Appends the channels to ``results['img']``.

        Raises:
            ValueError: see the class.
        """
        image = results['img']
        if image.ndim != 3 or image.shape[2] not in (4, 6):
            raise ValueError(
                f'{results.get("img_path")} has shape {image.shape}, not HxWx4 or HxWx6 of a pair: put AppendPlace '
                'once, after AppendPartner.'
            )
        refuse_moved(results, self)
        height, width = image.shape[:2]
        place = np.full((height, width, CHANNELS), LARGEST, np.float32)
        place[..., 0] *= (np.arange(width) + 0.5) / width
        place[..., 1] *= ((np.arange(height) + 0.5) / height)[:, None]
        if image.dtype == np.uint8:
            place = place.round()
        results['img'] = np.concatenate((image, place.astype(image.dtype)), axis=2)
        return results

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}()'
