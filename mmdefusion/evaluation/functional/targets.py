"""Whether objects stand out in the fused image as well as in the source that shows them better.

Viewers look for people and cars in a fused image. These cover a few per cent of the pixels, so that metrics of whole
images hardly notice them. Here an object is compared with its own surroundings: its *contrast* is the mean grey level
of its core minus that of a ring around it. The *better source* is the source with more contrast, of either sign: a
person may be darker than a bright wall. All images are grey, H×W, 0-255.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

LEAST_CONTRAST = 15.0  # smallest contrast in the better source, in grey levels; with less, an object is hardly visible
LEAST_BOX = 8  # smallest side of a box in pixels; the core of a smaller box has only a few pixels
LOST = 0.5  # share of the better source's contrast below which an object is lost
LEAST_NOISE = 1.0  # grey levels; rounding alone causes noise
WORKED_ON = 160  # longest side in pixels of the reduced image in which hot regions are searched
HOTTEST = 12  # largest number of regions in an image
HOT_AREA = 2e-4, 0.04  # smallest and largest share of the image: from a distant person to a near car


@dataclass(frozen=True)
class Region:
    """The place of an object: its core and the ring around it.

    Attributes:
        place: rows and columns of the part of the image that contains both.
        core, ring: masks of that part, h×w bool.
    """

    place: tuple[slice, slice]
    core: NDArray
    ring: NDArray


@dataclass(frozen=True, slots=True)
class Kept:
    """How much of an object's contrast the fused image keeps: 1 means all of it, values below 0 that it is reversed.

    Attributes:
        contrast: contrast relative to that of the better source.
        to_noise: the same for contrast divided by the standard deviation in the ring.
        infrared: contrast relative to that of the infrared image: whether hot objects are bright.
    """

    contrast: float
    to_noise: float
    infrared: float

    @property
    def lost(self) -> bool:
        """Whether less than half of the better source's contrast is left."""
        return self.contrast < LOST

    @property
    def reversed(self) -> bool:
        """Whether at least half of it is there, but bright instead of dark, or dark instead of bright.

        Such an object is lost by definition, but can be seen: a person in dark clothes who is shown warm.
        """
        return self.contrast <= -LOST


def box_region(shape: tuple[int, int], box: Sequence[float]) -> Region | None:
    """Core and ring of a labelled object: the core covers the middle half of the box's width and 80 % of its height.

    The ring is as wide as half of the box's width, on each side.

    Args:
        shape: height and width of the image.
        box: left, top, right and bottom edge in pixels.

    Returns:
        The region, or None if the box is too small, or its core or ring lies outside the image.
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
    """Finds the hottest regions of an infrared image at the scale of people and cars, for images without labels.

    Works on a reduced image. A pixel is hot if it exceeds the median of its surroundings (a quarter of the image wide)
    by 15 grey levels and by three times the spread of such differences; connected hot pixels are a region. The ring
    starts two pixels away, so that a blurred outline belongs to neither, is four pixels wide, and leaves out other hot
    pixels.

    Args:
        infrared: H×W, 0-255; hot is bright.

    Returns:
        At most 12 regions, the hottest first.
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
    """Measures how much is kept of each object that a source shows with at least 15 grey levels of contrast."""
    found = []
    for region in filter(None, regions):
        contrasts, noises = np.array([_contrast(image, region) for image in (visible, infrared, fused)]).T
        to_noise = contrasts / noises
        if np.abs(contrasts[:2]).max() >= LEAST_CONTRAST:
            found.append(Kept(_relative(contrasts), _relative(to_noise), contrasts[2] / (contrasts[1] or np.nan)))
    return found


def summarise(objects: Sequence[Kept]) -> dict[str, float]:
    """Medians over the objects, and the shares that are lost and reversed; NaN if there are no objects."""
    if not objects:
        return dict.fromkeys(('contrast', 'lost', 'reversed', 'to_noise', 'infrared'), float('nan'))
    return {
        'contrast': float(np.median([one.contrast for one in objects])),
        'lost': float(np.mean([one.lost for one in objects])),
        'reversed': float(np.mean([one.reversed for one in objects])),
        'to_noise': float(np.median([one.to_noise for one in objects])),
        'infrared': float(np.nanmedian([one.infrared for one in objects])),
    }


def _contrast(image: NDArray, region: Region) -> tuple[float, float]:
    """Contrast of the core against the ring, and the standard deviation in the ring."""
    part = image[region.place]
    ring = part[region.ring]
    return part[region.core].mean() - ring.mean(), max(ring.std(), LEAST_NOISE)


def _relative(values: NDArray) -> float:
    """The value of the fused image relative to the larger value of both sources."""
    visible, infrared, fused = values
    return float(fused / (visible if abs(visible) > abs(infrared) else infrared))


def _grow(core: NDArray, hot: NDArray, shape: tuple[int, int]) -> Region | None:
    """A region of the whole image, from the core of a region in the reduced image."""

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
    """The rows and columns of a box that lie inside the image."""
    height, width = shape
    rows, columns = np.clip(np.rint([top, bottom]), 0, height), np.clip(np.rint([left, right]), 0, width)
    return slice(*rows.astype(int).tolist()), slice(*columns.astype(int).tolist())
