"""Reads any 8-bit, 16-bit or float image as 8 bits.

Thermal cameras write 14-bit counts into 16-bit PNG or TIFF files, and papers' data sets store one channel as one,
as three equal ones, or as the fourth of a PNG. Here all of that becomes H×W×1 or H×W×3 uint8.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from mmengine import fileio

from .image_headers import UnusableImage, check_bytes, check_regular, max_pixels, parse_header
from .paths import is_local

# Depth and channels as stored, alpha dropped, turned as EXIF says. IMREAD_UNCHANGED ignores EXIF, and the partner of
# a turned photograph would lie on its side beside the visible image that LoadImageFromFile has turned.
_AS_STORED = cv2.IMREAD_ANYDEPTH | cv2.IMREAD_ANYCOLOR


def decode_image(content: bytes, name: str, alpha: bool = False, limit: int | None = None) -> np.ndarray:
    """Decodes an image file at its own depth.

    Args:
        content: The bytes of a PNG, JPEG, BMP, TIFF or WebP file.
        name: What errors call it.
        alpha: Keep a fourth channel. EXIF orientation is then ignored, as OpenCV has no flag for both.
        limit: The most pixels that are decoded; :func:`max_pixels` where it is None.

    Returns:
        H×W or H×W×C array, C = 3 (BGR), or 4 with ``alpha``; of any dtype that OpenCV gives.

    Raises:
        UnusableImage: ``content`` is empty, truncated, not an image, or too large an image.
    """
    if _truncated(content):
        raise UnusableImage(f'{name} is cut short ({len(content)} bytes); copy or download it again')
    parse_header(content, name, limit)
    try:
        image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED if alpha else _AS_STORED)
    except (cv2.error, MemoryError):
        image = None
    if image is None:
        raise UnusableImage(f'{name} is not an image that OpenCV can read ({len(content)} bytes); replace the file')
    return image


def _truncated(content: bytes) -> bool:
    """Whether a JPEG or PNG lacks its end; OpenCV 4 would fill the rest with grey and say nothing."""
    if content.startswith(b'\xff\xd8'):  # the last scan must be followed by an end of image; thumbnails come before
        return content.rfind(b'\xff\xd9') < content.rfind(b'\xff\xda')
    return content.startswith(b'\x89PNG') and b'IEND' not in content


ROWS = 256  # of a float image that are scaled at once
FULL = (0.0, 65535.0)  # range of 16-bit pictures that are no thermal counts


def check_scaling(percentiles: Sequence[float], fixed_range: Sequence[float] | None) -> None:
    """Raises a ValueError where the two options of :func:`to_uint8` make no sense."""
    if len(percentiles) != 2 or not 0 <= percentiles[0] < percentiles[1] <= 100:
        raise ValueError(f'percentiles={percentiles} must be (low, high) with 0 <= low < high <= 100')
    if fixed_range is not None and (len(fixed_range) != 2 or not fixed_range[0] < fixed_range[1]):
        raise ValueError(f'fixed_range={fixed_range} must be (low, high) in raw counts with low < high, or None')


def to_uint8(
    image: np.ndarray,
    name: str = 'image',
    percentiles: Sequence[float] = (1.0, 99.0),
    fixed_range: Sequence[float] | None = None,
) -> np.ndarray:
    """Scales a 16-bit or float image to 8 bits; an 8-bit image comes back as it is.

    ``fixed_range`` maps the raw counts (low, high) to (0, 255), the same for every image. Without it low and high
    are percentiles of this image over all its channels, or its least and greatest value where the percentiles
    coincide (one hot spot on a flat ground); a flat image becomes 0. Values outside are clipped, the rest rounded.

    Raises:
        UnusableImage: The dtype is not uint8, uint16 or float, or the image has NaN or infinite values.
    """
    if image.dtype == np.uint8:
        return image
    if image.dtype != np.uint16 and image.dtype.kind != 'f':
        raise UnusableImage(f'{name} has dtype {image.dtype}; convert it to uint8, uint16 or float')
    if image.dtype.kind == 'f' and not (np.isfinite(image.min()) and np.isfinite(image.max())):
        raise UnusableImage(f'{name} has NaN or infinite values; replace them in the file')
    low, high = _percentiles(image, percentiles) if fixed_range is None else fixed_range
    if low == high:
        low, high = float(image.min()), float(image.max())
    if low == high:
        return np.zeros(image.shape, np.uint8)
    if image.dtype == np.uint16:  # a table of all values is smaller than a copy of any image
        return _scale(np.arange(2**16, dtype=np.float64), low, high)[image]
    scaled = np.empty(image.shape, np.uint8)
    for start in range(0, len(image), ROWS):
        scaled[start : start + ROWS] = _scale(image[start : start + ROWS].astype(np.float64), low, high)
    return scaled


def _scale(values: np.ndarray, low: float, high: float) -> np.ndarray:
    return np.rint(((values - low) / (high - low)).clip(0, 1) * 255).astype(np.uint8)


def _percentiles(image: np.ndarray, percentiles: Sequence[float]) -> list[float]:
    """What numpy's percentile gives for the values as float64, without a copy of them as float64."""
    last = image.size - 1
    places = [last * (percent / 100) for percent in percentiles]
    wanted = sorted({min(int(place) + step, last) for place in places for step in (0, 1)})
    values = np.partition(image, wanted, axis=None)
    found = []
    for place in places:
        below, above = (float(values[min(int(place) + step, last)]) for step in (0, 1))
        share = place - int(place)
        # from the nearer side, as numpy does it
        found.append(below + (above - below) * share if share < 0.5 else above - (above - below) * (1 - share))
    return found


def to_channels(image: np.ndarray, channels: int, name: str = 'image') -> np.ndarray:
    """Brings an H×W, H×W×1 or H×W×3 (BGR) image to H×W×``channels`` (1 or 3).

    Three channels become one by OpenCV's luma weights, which give equal channels back exactly; one is repeated.

    Raises:
        UnusableImage: ``image`` has another number of channels.
    """
    if image.ndim == 2:
        image = image[..., None]
    if image.ndim != 3 or image.shape[2] not in (1, 3):
        raise UnusableImage(f'{name} has shape {image.shape}; one or three channels were expected')
    if image.shape[2] == channels:
        return image
    if channels == 1:
        return cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)[..., None]
    return np.repeat(image, channels, axis=2)


def reverse_channels(image: np.ndarray) -> np.ndarray:
    """BGR to RGB or back, H×W×3 in memory of its own; H×W comes back as it is."""
    return image if image.ndim == 2 else np.ascontiguousarray(image[..., ::-1])


def read_image(
    path: str,
    channels: int | None = 1,
    percentiles: Sequence[float] = (1.0, 99.0),
    fixed_range: Sequence[float] | None = None,
    backend_args: dict | None = None,
    limit: int | None = None,
) -> np.ndarray:
    """Reads an image file of 8 or 16 bits or floats and of 1, 3 or 4 channels (alpha dropped).

    Args:
        path: File or URL of any MMEngine file backend.
        channels: 1 (grey), 3 (BGR), or None for as many as there are.
        percentiles, fixed_range: See :func:`to_uint8`.
        backend_args: Arguments of the file backend.
        limit: The most pixels that are decoded; :func:`max_pixels` where it is None.

    Returns:
        H×W×``channels`` uint8; with ``channels=None`` H×W or H×W×3.

    Raises:
        FileNotFoundError: There is no such file.
        UnusableImage: The file cannot be read as an image; see the functions above.
    """
    image = read_stored(path, backend_args=backend_args, limit=limit)
    image = to_uint8(image, path, percentiles, fixed_range)
    return image if channels is None else to_channels(image, channels, path)


def read_fourth_channel(
    path: str,
    percentiles: Sequence[float] = (1.0, 99.0),
    fixed_range: Sequence[float] | None = None,
    backend_args: dict | None = None,
    limit: int | None = None,
) -> np.ndarray:
    """Reads the fourth channel of a four-channel image, where MFNet keeps the infrared image.

    Returns:
        H×W×1 uint8.

    Raises:
        UnusableImage: The file has no four channels, or cannot be read.
    """
    image = read_stored(path, alpha=True, backend_args=backend_args, limit=limit)
    if image.ndim != 3 or image.shape[2] != 4:
        channels = 1 if image.ndim == 2 else image.shape[2]
        raise UnusableImage(f'{path} has {channels} channel(s), no infrared one in it; name the infrared file instead')
    return to_uint8(image[..., 3:], path, percentiles, fixed_range)


def read_stored(
    path: str, alpha: bool = False, backend_args: dict | None = None, limit: int | None = None
) -> np.ndarray:
    """Reads an image file at its own depth, see :func:`decode_image`; local ones must be regular files.

    Raises:
        FileNotFoundError: There is no such file.
        UnusableImage: The file cannot be read as an image.
    """
    if is_local(path, backend_args):
        check_bytes(check_regular(path), max_pixels() if limit is None else limit, path)
    content = fileio.get(path, backend_args=backend_args)
    if content is None:  # what LMDB says of an absent key
        raise FileNotFoundError(f'{path} is not in {backend_args}')
    return decode_image(content, path, alpha, limit)
