"""What every protocol asks of its images."""

import numpy as np
from numpy.typing import NDArray


def check_triple(visible: NDArray, infrared: NDArray, fused: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """Float64 copies, H×W or H×W×3.

    Raises:
        ValueError: if sizes differ, channels are not one or three, or values are not finite.
    """
    images = {}
    for name, image in (('visible', visible), ('infrared', infrared), ('fused', fused)):
        image = np.asarray(image, dtype=np.float64)
        if image.ndim == 3 and image.shape[2] == 1:
            image = image[..., 0]
        if image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] != 3):
            raise ValueError(f'The {name} image has shape {image.shape}: H×W or H×W×3 was expected.')
        if not np.isfinite(image).all():
            raise ValueError(f'The {name} image has NaN or infinite values.')
        images[name] = image
    sizes = {name: image.shape[:2] for name, image in images.items()}
    if len(set(sizes.values())) > 1:
        raise ValueError(f'The images differ in size (height, width): {sizes}.')
    return tuple(images.values())
