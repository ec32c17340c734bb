"""Reads whatever people have in their folders."""

from collections.abc import Sequence

from mmcv.transforms import BaseTransform

from mmdefusion.registry import TRANSFORMS
from mmdefusion.utils.image_io import check_scaling, read_image


@TRANSFORMS.register_module()
class LoadAnyImage(BaseTransform):
    """Reads an image of 8 or 16 bits, grey, colour, CMYK or with alpha as H×W×3 uint8 BGR.

    Required keys: img_path. Added keys: img, img_shape, ori_shape.

    Args:
        percentiles, fixed_range: How 16-bit and float images are scaled, see AppendPartner.
        backend_args: Arguments of the file backend.

    Raises:
        FileNotFoundError: There is no such file.
        UnusableImage: The file cannot be read as an image.
    """

    def __init__(
        self,
        percentiles: Sequence[float] = (1.0, 99.0),
        fixed_range: Sequence[float] | None = None,
        backend_args: dict | None = None,
    ) -> None:
        check_scaling(percentiles, fixed_range)
        self.percentiles = tuple(percentiles)
        self.fixed_range = None if fixed_range is None else tuple(fixed_range)
        self.backend_args = backend_args

    def transform(self, results: dict) -> dict:
        """Reads ``results['img_path']``."""
        image = read_image(results['img_path'], 3, self.percentiles, self.fixed_range, self.backend_args)
        results.update(img=image, img_shape=image.shape[:2], ori_shape=image.shape[:2])
        return results

    def __repr__(self) -> str:
        return (
            f'{self.__class__.__name__}(percentiles={self.percentiles}, fixed_range={self.fixed_range}, '
            f'backend_args={self.backend_args})'
        )
