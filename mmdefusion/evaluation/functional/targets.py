"""Whether objects stand out in the fused image as they do in the source that shows them better.

What people look for in a fused picture are people and cars, a few hundredths of its pixels, so that metrics of whole
images hardly see them. Here an object is compared with its own surroundings: its *contrast* is the mean grey level of
its core minus that of a ring around it. The *better source* is the one with more contrast, of either sign: a person
may be darker than a bright wall. All images are grey, H×W, 0-255.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

LEAST_CONTRAST = 15.0  # grey levels that the better source must have: less is hardly an object
LEAST_BOX = 8  # pixels of either side of a box: the core of a smaller one is a handful of pixels
LOST = 0.5  # of the better source's contrast, below which an object is lost
LEAST_NOISE = 1.0  # grey levels: of rounding
WORKED_ON = 160  # longest side of the image on which hot regions are looked for
HOTTEST = 12  # regions of an image, at most
HOT_AREA = 2e-4, 0.04  # of the image, smallest and largest region: from a distant person to a near car


@dataclass(frozen=True)
class Region:
    """An object: where its core and the ring around it are.

    Attributes:
        place: the part of the image that holds both.
        core, ring: of that part, h×w bool.
    """

    place: tuple[slice, slice]
    core: NDArray
    ring: NDArray


@dataclass(frozen=True)
class Kept:
    """What the fused image kept of an object: 1 all of it, below 0 reversed.

    Attributes:
        contrast: of the better source's contrast.
        to_noise: of the better source's contrast divided by the standard deviation in the ring.
        infrared: of the infrared image's contrast: whether what is hot is bright.
    """

    contrast: float
    to_noise: float
    infrared: float

    @property
    def lost(self) -> bool:
        """Whether less than half of the contrast is left."""
        return self.contrast < LOST


def box_region(shape: tuple[int, int], box: Sequence[float]) -> Region | None:
    """Core and ring of a labelled object: the core is the middle half of the box's width and 80 % of its height.

    The ring is as wide as half of the box's width, on each side.

    Args:
        shape: height and width of the image.
        box: left, top, right and bottom edge in pixels.

    Returns:
        None if the box is too small, or none of its core or ring lies in the image.
    """
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    if min(width, height) < LEAST_BOX:
        return None
    margin = width / 2
    place = _cut(shape, left - margin, top - margin, right + margin, bottom + margin)
    ring, core = np.zeros(shape, bool), np.zeros(shape, bool)
    ring[place] = True
    ring[_cut(shape, left, top, right, bottom)] = False
    core[_cut(shape, left + width / 4, top + height / 10, right - width / 4, bottom - height / 10)] = True
    return _region(place, core, ring)


def hot_regions(infrared: NDArray) -> list[Region]:
    """The hottest regions of an infrared image, at the scale of people and cars, for images without labels.

    Pixels count that are warmer than the median of their surroundings (a quarter of the image wide) by 15 grey levels
    and three times the spread of such differences; connected ones are a region. The ring begins two working pixels
    away, so that a blurred outline belongs to neither, is four wide, and leaves out other hot pixels.

    Args:
        infrared: H×W, 0-255, white hot.

    Returns:
        Up to 12 regions, the hottest first.
    """
    scale = min(1.0, WORKED_ON / max(infrared.shape))
    size = max(1, round(infrared.shape[1] * scale)), max(1, round(infrared.shape[0] * scale))
    small = cv2.resize(infrared.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    window = max(3, max(size) // 4 | 1)
    warmer = small - cv2.medianBlur(np.rint(small).astype(np.uint8), window).astype(np.float32)
    spread = 1.4826 * np.median(np.abs(warmer - np.median(warmer)))
    hot = (warmer > max(LEAST_CONTRAST, 3 * spread)).astype(np.uint8)
    count, labels, found, _ = cv2.connectedComponentsWithStats(hot)
    least, most = (share * small.size for share in HOT_AREA)
    chosen = [k for k in range(1, count) if least <= found[k, cv2.CC_STAT_AREA] <= most]
    chosen.sort(key=lambda k: -warmer[labels == k].mean())
    regions = (_grow(labels == k, hot > 0, infrared.shape) for k in chosen[:HOTTEST])
    return [region for region in regions if region]


def kept(visible: NDArray, infrared: NDArray, fused: NDArray, regions: Iterable[Region | None]) -> list[Kept]:
    """What is kept of the objects that one of the sources shows with at least 15 grey levels of contrast."""
    found = []
    for region in filter(None, regions):
        contrasts, noises = np.array([_contrast(image, region) for image in (visible, infrared, fused)]).T
        to_noise = contrasts / noises
        if np.abs(contrasts[:2]).max() >= LEAST_CONTRAST:
            found.append(Kept(_relative(contrasts), _relative(to_noise), contrasts[2] / (contrasts[1] or np.nan)))
    return found


def summarise(objects: Sequence[Kept]) -> dict[str, float]:
    """Medians, and the share that is lost; NaN where there are no objects."""
    if not objects:
        return dict.fromkeys(('contrast', 'lost', 'to_noise', 'infrared'), float('nan'))
    return {
        'contrast': float(np.median([one.contrast for one in objects])),
        'lost': float(np.mean([one.lost for one in objects])),
        'to_noise': float(np.median([one.to_noise for one in objects])),
        'infrared': float(np.nanmedian([one.infrared for one in objects])),
    }


def _contrast(image: NDArray, region: Region) -> tuple[float, float]:
    """Contrast of the core against the ring, and the noise in the ring."""
    part = image[region.place]
    ring = part[region.ring]
    return part[region.core].mean() - ring.mean(), max(ring.std(), LEAST_NOISE)


def _relative(values: NDArray) -> float:
    """The fused image's value as a part of the larger one of the two sources."""
    visible, infrared, fused = values
    return float(fused / (visible if abs(visible) > abs(infrared) else infrared))


def _grow(core: NDArray, hot: NDArray, shape: tuple[int, int]) -> Region | None:
    """A region of the whole image from one of the small image."""

    def dilate(mask: NDArray, radius: int) -> NDArray:
        return cv2.dilate(mask.astype(np.uint8), np.ones((2 * radius + 1,) * 2, np.uint8))

    ring = (dilate(core, 6) > 0) & (dilate(hot, 2) == 0)
    core, ring = (cv2.resize(m.astype(np.uint8), shape[::-1], interpolation=cv2.INTER_NEAREST) for m in (core, ring))
    rows, columns = (np.flatnonzero((core | ring).any(axis)) for axis in (1, 0))
    return _region((slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)), core > 0, ring > 0)


def _region(place: tuple[slice, slice], core: NDArray, ring: NDArray) -> Region | None:
    core, ring = core[place], ring[place]
    return Region(place, core, ring) if core.any() and ring.any() else None


def _cut(shape: tuple[int, int], left: float, top: float, right: float, bottom: float) -> tuple[slice, slice]:
    """Rows and columns inside the image."""
    height, width = shape
    rows, columns = np.clip(np.rint([top, bottom]), 0, height), np.clip(np.rint([left, right]), 0, width)
    return slice(*rows.astype(int).tolist()), slice(*columns.astype(int).tolist())
