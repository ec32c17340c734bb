"""Replaces visible images by fused ones."""

import os
from pathlib import Path

import numpy as np
from mmcv.transforms import BaseTransform

from mmdefusion.registry import TRANSFORMS
from mmdefusion.utils.image_io import read_image
from mmdefusion.utils.paths import inside


@TRANSFORMS.register_module()
class ReplaceVisible(BaseTransform):
    """Replaces the visible image by the image of the same name in another folder.

    For detectors and segmenters that are trained on fused images, which is how the literature compares fusion methods.
    Put it directly after ``LoadImageFromFile``; the annotations of the visible image are kept.

    Required keys: img, img_path. Modified key: img (H×W×3 BGR uint8).

    Args:
        folder: folder of the fused images: PNG files with the same relative paths as the visible images under ``root``.
        root: folder of the visible images.

    Raises:
        FileNotFoundError: if there is no fused image for a visible one.
        UnusableImage: if that one cannot be read.
        ValueError: if it is of another size, or a visible image is not below ``root``.
    """

    def __init__(self, folder: str, root: str) -> None:
        self.folder = folder
        self.root = root

    def transform(self, results: dict) -> dict:
        """Reads the fused image into ``results['img']``.

        Raises:
            OSError, ValueError: see the class.
        """
        path = replacement(results['img_path'], self.root, self.folder)
        picture = read_image(str(path), channels=3)
        if picture.shape[:2] != results['img'].shape[:2]:
            sizes = [f'{image.shape[1]}x{image.shape[0]}' for image in (picture, results['img'])]
            raise ValueError(f'{path} is {sizes[0]}, the visible image is {sizes[1]}: fuse the pairs again.')
        results['img'] = np.ascontiguousarray(picture)
        return results

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}(folder={self.folder!r}, root={self.root!r})'


def replacement(img_path: str, root: str, folder: str) -> Path:
    """The path of the image that replaces a visible one.

    Raises:
        ValueError: if the visible image is not below ``root``, so that the result would not be below ``folder``.
    """
    return inside(folder, os.path.relpath(img_path, root), '.png')
