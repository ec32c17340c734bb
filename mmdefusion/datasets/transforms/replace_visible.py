"""Fused pictures in place of the visible ones."""

import os
from pathlib import Path

import numpy as np
from mmcv.transforms import BaseTransform

from mmdefusion.registry import TRANSFORMS
from mmdefusion.utils.image_io import read_image
from mmdefusion.utils.paths import inside


@TRANSFORMS.register_module()
class ReplaceVisible(BaseTransform):
    """Puts the picture of the same name from another folder in place of the visible image.

    For detectors and segmenters trained on fused images, the way the literature compares fusion methods. Stands right
    behind ``LoadImageFromFile``; annotations are those of the visible image.

    Required keys: img, img_path. Modified key: img (H×W×3 BGR uint8).

    Args:
        folder: Of the pictures: what the visible image is under ``root``, this one is under ``folder``, as PNG.
        root: Of the visible images.

    Raises:
        FileNotFoundError: a picture is not there.
        ValueError: it is of another size.
    """

    def __init__(self, folder: str, root: str) -> None:
        self.folder = folder
        self.root = root

    def transform(self, results: dict) -> dict:
        """Reads the picture."""
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
    """Where the picture that replaces a visible image lies.

    Raises:
        ValueError: if the image is not below ``root``, so that the picture would not be below ``folder``.
    """
    return inside(folder, os.path.relpath(img_path, root), '.png')
