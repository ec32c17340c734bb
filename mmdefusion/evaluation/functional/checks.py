"""Checks the images before any metric is computed."""

import numpy as np
from numpy.typing import NDArray

LEAST_SIDE = 48  # pixels; smaller images have no whole window at the coarsest scale of VIF


def check_triple(visible: NDArray, infrared: NDArray, fused: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """Checks three images and converts them to float64.

    Args:
        visible, infrared, fused: H×W, H×W×1 or H×W×3, 0-255.

    Returns:
        Copies, H×W or H×W×3.

    Raises:
        ValueError: if sizes differ or a side is below 48 pixels, channels are not one or three, or values are not
            within 0-255, or are fractions of at most 1.
    """
    images = {'visible': visible, 'infrared': infrared, 'fused': fused}
    images = {name: _to_float(name, image) for name, image in images.items()}
    sizes = {name: image.shape[:2] for name, image in images.items()}
    if len(set(sizes.values())) > 1:
        raise ValueError(f'The images differ in size (height, width): {sizes}.')
    if min(sizes['fused']) < LEAST_SIDE:
        raise ValueError(f'The images are {sizes["fused"]} (height, width): {LEAST_SIDE} a side is the least.')
    return tuple(images.values())


def _to_float(name: str, image: NDArray) -> NDArray:
    image = np.asarray(image, dtype=np.float64)
    if image.ndim == 3 and image.shape[2] == 1:
        image = image[..., 0]
    if image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] != 3):
        raise ValueError(f'The {name} image has shape {image.shape}: H×W or H×W×3 was expected.')
    if not np.isfinite(image).all():
        raise ValueError(f'The {name} image has NaN or infinite values.')
    if image.size and (image.min() < 0 or image.max() > 255):
        raise ValueError(f'The {name} image has values from {image.min():g} to {image.max():g}, not within 0 to 255.')
    if image.size and image.max() <= 1 and (image != np.rint(image)).any():  # whole numbers may be a black image
        raise ValueError(f'The {name} image has fractions from 0 to 1, and 0 to 255 are expected: multiply it by 255.')
    return image
