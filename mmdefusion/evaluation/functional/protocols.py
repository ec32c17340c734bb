"""Protocols: named sets of metrics."""

from collections.abc import Callable
from dataclasses import dataclass

from numpy.typing import NDArray

from .checks import check_triple
from .colours import colour_lost
from .exposure import mef_ssim
from .features import fmi_pixel
from .fringes import fringe
from .gray import GRAY_METRICS, gray_scores, to_grey
from .similarity import ms_ssim
from .smooth_regions import flat_noise, sky_change, veil
from .targets import hot_regions, kept, summarise
from .vifb import VIFB_METRICS, vifb_scores

EXTRA_METRICS = ('MEF_SSIM', 'MS_SSIM', 'FMI_pixel')
TARGET_METRICS = (
    'Hot_contrast',
    'Hot_lost',
    'Hot_to_noise',
    'Hot_bright',
    'Sky_moved',
    'Sky_texture',
    'Flat_noise',
    'Fringe',
    'Veil',
    'Colour_lost',
)
LOWER_IS_BETTER = frozenset(
    {'Cross_entropy', 'Qcv', 'Rmse', 'MSE', *TARGET_METRICS} - {'Hot_contrast', 'Hot_to_noise', 'Hot_bright'}
)


def extra_scores(visible: NDArray, infrared: NDArray, fused: NDArray) -> dict[str, float]:
    """MEF-SSIM, MS-SSIM (mean over both sources) and FMI of pixels, on grey images.

    Args:
        visible, infrared, fused: H×W or H×W×3 (RGB), 0-255.

    Raises:
        ValueError: if the images differ in size, or have values that are not finite.
    """
    a, b, f = (to_grey(image) for image in check_triple(visible, infrared, fused))
    return {
        'MEF_SSIM': mef_ssim([a, b], f),
        'MS_SSIM': (ms_ssim(a, f) + ms_ssim(b, f)) / 2,
        'FMI_pixel': fmi_pixel(a, b, f),
    }


def target_scores(visible: NDArray, infrared: NDArray, fused: NDArray) -> dict[str, float]:
    """How well hot regions of the infrared image stand out, and how much surfaces, edges and colours are disturbed.

    Args:
        visible, infrared, fused: H×W or H×W×3 (RGB), 0-255; hot is bright in the infrared image.

    Returns:
        Scores by name; NaN if an image lacks what is measured, such as a sky.

    Raises:
        ValueError: if the images differ in size, or have values that are not finite.
    """
    images = check_triple(visible, infrared, fused)
    a, b, f = map(to_grey, images)
    hot = summarise(kept(a, b, f, hot_regions(b)))
    hot_values = (hot[key] for key in ('contrast', 'lost', 'to_noise', 'infrared'))
    surfaces = *sky_change(a, f), flat_noise(a, b, f), fringe(a, b, f), veil(a, b, f)
    values = *hot_values, *surfaces, colour_lost(images[0], images[2])
    return dict(zip(TARGET_METRICS, values, strict=True))


@dataclass(frozen=True)
class Protocol:
    """A set of metrics, and the function that computes all of them."""

    metrics: tuple[str, ...]
    scores: Callable[[NDArray, NDArray, NDArray], dict[str, float]]


def all_scores(visible: NDArray, infrared: NDArray, fused: NDArray) -> dict[str, float]:
    """The scores of ``vifb``, ``gray`` and ``extra``; names of ``gray`` get the prefix ``gray_``, as Qabf is in two."""
    images = visible, infrared, fused
    grey = {f'gray_{name}': value for name, value in gray_scores(*images).items()}
    return vifb_scores(*images) | grey | extra_scores(*images)


PROTOCOLS = {
    'vifb': Protocol(VIFB_METRICS, vifb_scores),
    'gray': Protocol(GRAY_METRICS, gray_scores),
    'extra': Protocol(EXTRA_METRICS, extra_scores),
    'targets': Protocol(TARGET_METRICS, target_scores),
    'all': Protocol((*VIFB_METRICS, *(f'gray_{name}' for name in GRAY_METRICS), *EXTRA_METRICS), all_scores),
}


def lower_is_better(metric: str) -> bool:
    """Whether a smaller value of a metric is better, for the metrics of all protocols."""
    return metric.removeprefix('gray_') in LOWER_IS_BETTER
