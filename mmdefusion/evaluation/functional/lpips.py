"""LPIPS: distance in the features of a network (Zhang et al., 2018). Needs the package lpips and its weights."""

from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .checks import check_triple


def lpips_scores(visible: NDArray, infrared: NDArray, fused: NDArray) -> dict[str, float]:
    """Mean LPIPS distance of the fused image from its sources; lower is better.

    Args:
        visible, infrared, fused: H×W or H×W×3 (RGB), 0-255.

    Raises:
        ImportError: if the package lpips is not installed.
        ValueError: if the images differ in size, or have values that are not finite.
    """
    visible, infrared, fused = (_to_tensor(image) for image in check_triple(visible, infrared, fused))
    network = _network()
    with torch.no_grad():
        return {'LPIPS': float(np.mean([float(network(source, fused)) for source in (visible, infrared)]))}


@cache
def _network() -> nn.Module:
    try:
        from lpips import LPIPS
    except ImportError:
        raise ImportError("LPIPS needs the package lpips: pip install 'mmdefusion[lpips]'") from None
    return LPIPS(net='alex', verbose=False).eval()


def _to_tensor(image: NDArray) -> Tensor:
    image = image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)
    return torch.from_numpy(image).float().permute(2, 0, 1)[None] / 127.5 - 1
