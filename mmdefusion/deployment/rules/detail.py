"""ResidualDetail in NumPy: restores the texture that the network leaves out from the sources that it follows."""

import math

import numpy as np

from .filters import block_means, blur, build_pyramid, expand, grey, mean_of_windows, resize_up, shrink, window_means

PATCH = 16  # side of a token's patch
WINDOW = 8  # side of windows in the residual of the pyramid
# as in models/fusers/detail.py
NOISE, FAINT, FLAT, NOTHING, UNSURE = 1e-4, 1e-5, 0.02, 1e-8, 0.02

Both = tuple[np.ndarray, np.ndarray]


class Detail:
    """Computes the fused image again, with detail; see :class:`mmdefusion.models.fusers.ResidualDetail`.

    Args:
        boost, sharpness, guidance, contrast, brightness, coherence, noise, rest_sharpness, levels: as there.
    """

    def __init__(
        self,
        boost: float = 0.4,
        sharpness: float = 6.0,
        guidance: float = 0.5,
        contrast: float = 1.0,
        brightness: float = 1.0,
        coherence: float = 0.25,
        noise: float = 0.0,
        rest_sharpness: float | None = None,
        levels: int = 4,
    ) -> None:
        self.boost = boost
        self.sharpness = sharpness
        self.guidance = guidance
        self.contrast = contrast
        self.brightness = brightness
        self.coherence = coherence
        self.noise = noise
        self.rest_sharpness = sharpness if rest_sharpness is None else rest_sharpness
        self.levels = levels

    def __call__(self, fused: np.ndarray, sources: Both, alone: Both) -> np.ndarray:
        """Computes the fused image with detail.

        Args:
            fused: the fused image that the network decodes, H×W or H×W×3 in [0, 1].
            sources: both sources, of the same shape.
            alone: each source fused with itself by the network, of the same shape.

        Returns:
            An image of the same shape, not clipped.
        """
        levels = min(self.levels, max(0, int(math.log2(min(fused.shape[:2]))) - 2))
        one, other = (build_pyramid(image, levels) for image in sources)
        followed = self.guidance * logit(network_share(fused, alone))
        rest = one.pop(), other.pop()
        chosen = self._weigh_rest(rest, followed)
        picture = mix(*rest, chosen)
        favoured = self.coherence * logit(chosen.clip(UNSURE, 1 - UNSURE))
        active_one, active_other = activity(one), activity(other)
        for level in reversed(range(levels)):
            a, b = one[level], other[level]
            both = active_one[level] + active_other[level]
            sure = both / (both + np.float32(2 * self.noise + NOTHING))
            liked = resize_up(followed, a) + resize_up(favoured, a)
            stronger = log_ratio(active_one[level], active_other[level], FAINT + self.noise) + sure * liked
            boost = 1 + self.boost * (1 - level / levels) * sure * disagreement(a, b)
            picture = expand(picture, a.shape) + mix(a, b, sigmoid(self.sharpness * stronger)) * over(boost, a)
        return picture

    def _weigh_rest(self, rest: Both, followed: np.ndarray) -> np.ndarray:
        """Weight of the first source in the residual of the pyramid, h×w."""
        size = min(WINDOW, *rest[0].shape[:2])
        (bright_a, contrast_a), (bright_b, contrast_b) = (window_statistics(image, size) for image in rest)
        stronger = (
            self.contrast * log_ratio(contrast_a, contrast_b, FLAT)
            + self.brightness * (bright_a - bright_b)
            + window_means(resize_up(followed, rest[0]), size)
        )
        return mean_of_windows(sigmoid(self.rest_sharpness * stronger), size)


def sigmoid(values: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-values.clip(-80, 80)))


def over(weight: np.ndarray, image: np.ndarray) -> np.ndarray:
    """A map H×W that multiplies all channels of ``image``."""
    return weight if image.ndim == 2 else weight[..., None]


def mix(one: np.ndarray, other: np.ndarray, weight: np.ndarray) -> np.ndarray:
    return other + over(weight, one) * (one - other)


def logit(share: np.ndarray) -> np.ndarray:
    return np.log(share / (1 - share))


def log_ratio(one: np.ndarray, other: np.ndarray, floor: float) -> np.ndarray:
    return np.log((one + floor) / (other + floor))


def network_share(fused: np.ndarray, alone: Both) -> np.ndarray:
    """How far the network follows the first source around each patch: h×w, from 0 to 1."""
    way = alone[0] - alone[1]
    products = grey((fused - alone[1]) * way), grey(way * way)
    gone, whole = (blur(block_means(image, PATCH), times=4) for image in products)
    return ((gone + NOISE / 2) / (whole + NOISE)).clip(UNSURE, 1 - UNSURE)


def window_statistics(image: np.ndarray, size: int) -> Both:
    """Mean and standard deviation of grey in each window."""
    image = grey(image)
    middle = image.mean()  # subtracted, or the difference of squares would lose precision
    mean, square = (window_means(picture, size) for picture in (image - middle, (image - middle) ** 2))
    return mean + middle, np.sqrt((square - mean**2).clip(min=0))


def activity(bands: list[np.ndarray]) -> list[np.ndarray]:
    """Local activity of each band, h×w; the activity of finer bands is added."""
    active = []
    for band in bands:
        here = blur(grey(np.abs(band)), times=2)
        active.append(here + shrink(active[-1]) if active else here)
    return active


def disagreement(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Local disagreement of two bands, H×W: 0 if they are multiples of each other, 1 if they are uncorrelated."""
    product = blur(grey(one * other), times=2)
    norms = blur(grey(one * one), times=2) * blur(grey(other * other), times=2)
    same = one == other if one.ndim == 2 else (one == other).all(2)
    return np.where(same, np.float32(0), 1 - np.abs(product / (np.sqrt(norms) + np.float32(NOTHING))))
