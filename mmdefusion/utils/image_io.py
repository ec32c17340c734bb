"""Reads any 8-bit, 16-bit or float image as 8 bits.

Thermal cameras write 14-bit counts into 16-bit PNG or TIFF files. Public data sets store an infrared image as one
channel, as three equal channels, or as the fourth channel of a PNG. Here all of that becomes H×W×1 or H×W×3 uint8.
"""

import io
import math
from collections.abc import Sequence
from typing import Literal

import cv2
import numpy as np

from .image_headers import UnusableImage, check_bytes, check_regular, max_pixels, parse_header
from .jpeg_scans import jpeg_scans
from .storage import is_local, read_content
from .tiff_headers import MAGIC, Tiff, read_tiff, with_alpha_as_data

# Keeps depth and channels, drops alpha, and rotates as EXIF says. IMREAD_UNCHANGED ignores EXIF: the partner of a
# rotated photograph would then lie on its side, while LoadImageFromFile has rotated the visible image.
_AS_STORED = cv2.IMREAD_ANYDEPTH | cv2.IMREAD_ANYCOLOR
PACKED = (10, 12, 14)  # bits of TIFF values without gaps, which OpenCV shifts up to 16 bits


def decode_image(
    content: bytes, name: str, alpha: bool = False, limit: int | None = None, counts: bool = False
) -> np.ndarray:
    """Decodes an image file at its own depth.

    Args:
        content: the bytes of a PNG, JPEG, BMP, TIFF or WebP file.
        name: the file's name in error messages.
        alpha: whether to keep a fourth channel. EXIF orientation is then ignored, as OpenCV has no flag for both.
        limit: largest number of pixels; None stands for :func:`max_pixels`.
        counts: whether TIFF values of 10, 12 or 14 bits are to be the numbers in the file, not 16 bits of full range.

    Returns:
        H×W or H×W×C array with C = 3 (BGR), or 4 if ``alpha`` is set; any dtype that OpenCV gives.

    Raises:
        UnusableImage: if ``content`` is empty, truncated, not an image, too large an image, or a TIFF of other than
            whole numbers without a sign in which white is 0.
    """
    if _truncated(content):
        raise UnusableImage(f'{name} is cut short ({len(content)} bytes); copy or download it again.')
    parse_header(content, name, limit)
    tiff = read_tiff(io.BytesIO(content)) if content.startswith(MAGIC) else None
    if tiff:
        content = with_alpha_as_data(content)
    try:
        image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED if alpha else _AS_STORED)
    except (cv2.error, MemoryError):
        image = None
    if image is None:
        raise UnusableImage(f'{name} is not an image that OpenCV can read ({len(content)} bytes); replace the file.')
    return _as_meant(image, tiff, name, counts) if tiff else image


def _as_meant(image: np.ndarray, tiff: Tiff, name: str, counts: bool) -> np.ndarray:
    """What a TIFF means by its values: OpenCV turns negatives of 8 bits only."""
    if tiff.white_is_zero and image.dtype.itemsize > 1:
        if image.dtype != np.uint16:
            raise UnusableImage(f'{name} is a TIFF of {image.dtype} in which white is 0; write it with black as 0.')
        np.invert(image, out=image)
    return image >> 16 - tiff.bits if counts and tiff.bits in PACKED else image


def _truncated(content: bytes) -> bool:
    """Whether a JPEG or PNG lacks its end; OpenCV 4 would fill the rest with grey without a warning."""
    if content.startswith(b'\xff\xd8'):
        return not jpeg_scans(content).whole
    return content.startswith(b'\x89PNG') and b'IEND' not in content


ROWS = 256  # rows of a float image that are scaled at once
FULL = 'full'  # the range of images that are not thermal counts: 0 to 65535 of 16 bits, 0 to 1 of floats
FixedRange = Sequence[float] | Literal['full'] | None


def check_scaling(
    percentiles: Sequence[float], fixed_range: FixedRange
) -> tuple[tuple[float, ...], tuple[float, ...] | str | None]:
    """Returns ``percentiles`` and ``fixed_range`` of :func:`to_uint8`, as tuples where they are sequences.

    Raises:
        ValueError: if they make no sense.
    """
    if len(percentiles) != 2 or not 0 <= percentiles[0] < percentiles[1] <= 100:
        raise ValueError(f'percentiles={percentiles} must be (low, high) with 0 <= low < high <= 100.')
    if fixed_range is None or (isinstance(fixed_range, str) and fixed_range == FULL):  # a range may be an array
        return tuple(percentiles), fixed_range
    if isinstance(fixed_range, str) or len(fixed_range) != 2 or not fixed_range[0] < fixed_range[1]:
        raise ValueError(
            f'fixed_range={fixed_range!r} must be (low, high) in raw counts with low < high, {FULL!r}, or None.'
        )
    return tuple(percentiles), tuple(fixed_range)


def check_dtype(image: np.ndarray, name: str) -> None:
    """Raises an UnusableImage if :func:`to_uint8` does not take the dtype of an image."""
    if image.dtype not in (np.uint8, np.uint16) and image.dtype.kind != 'f':
        raise UnusableImage(f'{name} has dtype {image.dtype}; convert it to uint8, uint16 or float.')


def to_uint8(
    image: np.ndarray,
    name: str = 'image',
    percentiles: Sequence[float] = (1.0, 99.0),
    fixed_range: FixedRange = None,
) -> np.ndarray:
    """Scales a 16-bit or float image to 8 bits; an 8-bit image is returned unchanged.

    Values from low to high become 0 to 255, rounded; values outside are clipped. A constant image becomes 0.

    Args:
        image: H×W or H×W×C.
        name: the file's name in error messages.
        percentiles: low and high, as percentiles of this image over all its channels. If both are the same value (one
            hot spot on a flat ground), the image's minimum and maximum are taken.
        fixed_range: low and high in raw counts, the same for every image; replaces ``percentiles``. ``FULL`` takes
            those of the dtype.

    Returns:
        uint8 array of the same shape.

    Raises:
        UnusableImage: if the dtype is not uint8, uint16 or float, or the image has NaN or infinite values, or values
            further apart than a float can be, or, with ``FULL``, floats outside 0 to 1.
    """
    if image.dtype == np.uint8:
        return image
    check_dtype(image, name)
    if image.dtype.kind == 'f':
        least, most = float(image.min()), float(image.max())
        if not (math.isfinite(least) and math.isfinite(most)):
            raise UnusableImage(f'{name} has NaN or infinite values; replace them in the file.')
        if math.isinf(most - least):
            raise UnusableImage(
                f'{name} has values from {least:g} to {most:g}, too far apart to be scaled; divide them.'
            )
        if isinstance(fixed_range, str) and not 0 <= least <= most <= 1:
            raise UnusableImage(f'{name} has float values outside 0 to 1; scale them, or give it 8 or 16 bits.')
    if isinstance(fixed_range, str):  # FULL; a range may be an array
        fixed_range = (0.0, 1.0) if image.dtype.kind == 'f' else (0.0, 65535.0)
    low, high = _percentiles(image, percentiles) if fixed_range is None else fixed_range
    if low == high:
        low, high = float(image.min()), float(image.max())
    if low == high:
        return np.zeros(image.shape, np.uint8)
    if image.dtype == np.uint16:  # a look-up table of all values is smaller than a float copy of the image
        return _scale(np.arange(2**16, dtype=np.float64), low, high)[image]
    scaled = np.empty(image.shape, np.uint8)
    for start in range(0, len(image), ROWS):
        scaled[start : start + ROWS] = _scale(image[start : start + ROWS].astype(np.float64), low, high)
    return scaled


def _scale(values: np.ndarray, low: float, high: float) -> np.ndarray:
    return np.rint(((values - low) / (high - low)).clip(0, 1) * 255).astype(np.uint8)


def _percentiles(image: np.ndarray, percentiles: Sequence[float]) -> list[float]:
    """Computes the same as numpy.percentile in float64, without a float64 copy of the image."""
    last = image.size - 1
    places = [last * (percent / 100) for percent in percentiles]
    wanted = sorted({min(int(place) + step, last) for place in places for step in (0, 1)})
    values = np.partition(image, wanted, axis=None)
    found = []
    for place in places:
        below, above = (float(values[min(int(place) + step, last)]) for step in (0, 1))
        share = place - int(place)
        # interpolates from the nearer value, as numpy does
        found.append(below + (above - below) * share if share < 0.5 else above - (above - below) * (1 - share))
    return found


def to_channels(image: np.ndarray, channels: int, name: str = 'image') -> np.ndarray:
    """Brings an H×W, H×W×1 or H×W×3 (BGR) image to H×W×``channels`` (1 or 3).

    Three channels become one by OpenCV's luma weights, which leave equal channels exactly as they are. One channel
    becomes three by repetition.

    Raises:
        UnusableImage: if ``image`` has another number of channels.
    """
    if image.ndim == 2:
        image = image[..., None]
    if image.ndim != 3 or image.shape[2] not in (1, 3):
        raise UnusableImage(f'{name} has shape {image.shape}; one or three channels were expected.')
    if image.shape[2] == channels:
        return image
    if channels == 1:
        return cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)[..., None]
    return np.repeat(image, channels, axis=2)


def reverse_channels(image: np.ndarray) -> np.ndarray:
    """Turns BGR into RGB or back, as a contiguous H×W×3 copy; an H×W image is returned unchanged."""
    return image if image.ndim == 2 else np.ascontiguousarray(image[..., ::-1])


def read_image(
    path: str,
    channels: int | None = 1,
    percentiles: Sequence[float] = (1.0, 99.0),
    fixed_range: FixedRange = None,
    backend_args: dict | None = None,
    limit: int | None = None,
) -> np.ndarray:
    """Reads an image file of 8 or 16 bits or floats and of 1, 3 or 4 channels (alpha dropped).

    Args:
        path: file or URL of any MMEngine file backend.
        channels: 1 (grey), 3 (BGR), or None for as many as the file has.
        percentiles, fixed_range: see :func:`to_uint8`.
        backend_args: arguments of the file backend.
        limit: largest number of pixels; None stands for :func:`max_pixels`.

    Returns:
        H×W×``channels`` uint8; H×W or H×W×3 if ``channels`` is None.

    Raises:
        FileNotFoundError: if there is no such file.
        UnusableImage: if the file cannot be read as an image; see the functions above.
    """
    counts = not isinstance(fixed_range, str)
    image = read_stored(path, backend_args=backend_args, limit=limit, counts=counts)
    image = to_uint8(image, path, percentiles, fixed_range)
    return image if channels is None else to_channels(image, channels, path)


def read_fourth_channel(
    path: str,
    percentiles: Sequence[float] = (1.0, 99.0),
    fixed_range: FixedRange = None,
    backend_args: dict | None = None,
    limit: int | None = None,
) -> np.ndarray:
    """Reads the fourth channel of a four-channel image, where MFNet keeps the infrared image.

    Returns:
        H×W×1 uint8.

    Raises:
        UnusableImage: if the file does not have four channels, or cannot be read.
    """
    counts = not isinstance(fixed_range, str)
    image = read_stored(path, alpha=True, backend_args=backend_args, limit=limit, counts=counts)
    if image.ndim != 3 or image.shape[2] != 4:
        channels = 1 if image.ndim == 2 else image.shape[2]
        raise UnusableImage(f'{path} has {channels} channel(s), no infrared one in it; name the infrared file instead.')
    return to_uint8(image[..., 3:], path, percentiles, fixed_range)


def read_partner(
    path: str,
    visible_path: str | None,
    channels: int = 1,
    percentiles: Sequence[float] = (1.0, 99.0),
    fixed_range: FixedRange = None,
    backend_args: dict | None = None,
    limit: int | None = None,
) -> np.ndarray:
    """Reads the infrared image of a pair, H×W×``channels`` uint8: a file, or the fourth channel of the visible one.

    Args:
        path: of the infrared image; that of the visible one if one file holds both, as in MFNet.
        visible_path: of the visible image.
        channels, percentiles, fixed_range, backend_args, limit: see :func:`read_image`.

    Raises:
        FileNotFoundError, UnusableImage: see :func:`read_image` and :func:`read_fourth_channel`.
    """
    if path == visible_path:
        return to_channels(read_fourth_channel(path, percentiles, fixed_range, backend_args, limit), channels, path)
    return read_image(path, channels, percentiles, fixed_range, backend_args, limit)


def read_stored(
    path: str,
    alpha: bool = False,
    backend_args: dict | None = None,
    limit: int | None = None,
    counts: bool = False,
) -> np.ndarray:
    """Reads an image file at its own depth, see :func:`decode_image`; a local file must be a regular file.

    Raises:
        FileNotFoundError: if there is no such file.
        UnusableImage: if the file cannot be read as an image.
    """
    if is_local(path, backend_args):
        check_bytes(check_regular(path), max_pixels() if limit is None else limit, path)
    content = read_content(path, backend_args)
    if content is None:  # LMDB returns None for an absent key
        raise FileNotFoundError(f'{path} is not in {backend_args}')
    return decode_image(content, path, alpha, limit, counts)
