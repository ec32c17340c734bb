"""Loads images of any depth and number of channels."""

from collections.abc import Sequence

from mmcv.transforms import BaseTransform

from mmdefusion.registry import TRANSFORMS
from mmdefusion.utils.image_io import FixedRange, check_scaling, read_image


@TRANSFORMS.register_module()
class LoadAnyImage(BaseTransform):
    """Reads an image (8-bit, 16-bit or float; grey, colour, CMYK or with alpha) as H×W×3 uint8 BGR.

    Required keys: img_path. Added keys: img, img_shape, ori_shape.

    Args:
        percentiles, fixed_range: how 16-bit and float images are scaled, see AppendPartner.
        backend_args: arguments of the file backend.
        max_pixels: largest number of pixels; None stands for 64 million, or MMDEFUSION_MAX_PIXELS.

    Raises:
        FileNotFoundError: if there is no such file.
        UnusableImage: if the file cannot be read as an image.
    """

    def __init__(
        self,
        percentiles: Sequence[float] = (1.0, 99.0),
        fixed_range: FixedRange = None,
        backend_args: dict | None = None,
        max_pixels: int | None = None,
    ) -> None:
        self.percentiles, self.fixed_range = check_scaling(percentiles, fixed_range)
        self.backend_args = backend_args
        self.max_pixels = max_pixels

    def transform(self, results: dict) -> dict:
        """Reads ``results['img_path']``."""
        scaling = (self.percentiles, self.fixed_range)
        image = read_image(results['img_path'], 3, *scaling, self.backend_args, self.max_pixels)
        results.update(img=image, img_shape=image.shape[:2], ori_shape=image.shape[:2])
        return results

    def __repr__(self) -> str:
        return (
            f'{self.__class__.__name__}(percentiles={self.percentiles}, fixed_range={self.fixed_range}, '
            f'backend_args={self.backend_args}, max_pixels={self.max_pixels})'
        )
