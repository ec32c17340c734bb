"""Reads any 8-bit, 16-bit or float image as 8 bits.

Thermal cameras write 14-bit counts into 16-bit PNG or TIFF files, and papers' data sets store one channel as one,
as three equal ones, or as the fourth of a PNG. Here all of that becomes H×W×1 or H×W×3 uint8.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from mmengine import fileio
from PIL import Image

EXIF_ORIENTATION = 0x0112
IMAGE_SUFFIXES = ('.png', '.jpg', '.jpeg', '.bmp', '.tif', '.tiff')


class UnusableImage(ValueError):
    """A file's content is at fault, not a setting: another file may do."""


# Depth and channels as stored, alpha dropped, turned as EXIF says. IMREAD_UNCHANGED ignores EXIF, and the partner of
# a turned photograph would lie on its side beside the visible image that LoadImageFromFile has turned.
_AS_STORED = cv2.IMREAD_ANYDEPTH | cv2.IMREAD_ANYCOLOR


def decode_image(content: bytes, name: str, alpha: bool = False) -> np.ndarray:
    """Decodes an image file at its own depth.

    Args:
        content: The bytes of a PNG, JPEG, TIFF, ... file.
        name: What errors call it.
        alpha: Keep a fourth channel. EXIF orientation is then ignored, as OpenCV has no flag for both.

    Returns:
        H×W or H×W×C array, C = 3 (BGR), or 4 with ``alpha``; of any dtype that OpenCV gives.

    Raises:
        UnusableImage: ``content`` is empty, truncated or not an image.
    """
    if _truncated(content):
        raise UnusableImage(f'{name} is cut short ({len(content)} bytes); copy or download it again')
    try:
        image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED if alpha else _AS_STORED)
    except cv2.error:
        image = None
    if image is None:
        raise UnusableImage(f'{name} is not an image that OpenCV can read ({len(content)} bytes); replace the file')
    return image


def _truncated(content: bytes) -> bool:
    """Whether a JPEG or PNG lacks its end; OpenCV 4 would fill the rest with grey and say nothing."""
    if content.startswith(b'\xff\xd8'):  # the last scan must be followed by an end of image; thumbnails come before
        return content.rfind(b'\xff\xd9') < content.rfind(b'\xff\xda')
    return content.startswith(b'\x89PNG') and b'IEND' not in content


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
    image = image.astype(np.float64)
    if not np.isfinite(image).all():
        raise UnusableImage(f'{name} has NaN or infinite values; replace them in the file')
    low, high = np.percentile(image, percentiles) if fixed_range is None else fixed_range
    if low == high:
        low, high = image.min(), image.max()
    if low == high:
        return np.zeros(image.shape, np.uint8)
    return np.rint(((image - low) / (high - low)).clip(0, 1) * 255).astype(np.uint8)


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


def read_image(
    path: str,
    channels: int | None = 1,
    percentiles: Sequence[float] = (1.0, 99.0),
    fixed_range: Sequence[float] | None = None,
    backend_args: dict | None = None,
) -> np.ndarray:
    """Reads an image file of 8 or 16 bits or floats and of 1, 3 or 4 channels (alpha dropped).

    Args:
        path: File or URL of any MMEngine file backend.
        channels: 1 (grey), 3 (BGR), or None for as many as there are.
        percentiles, fixed_range: See :func:`to_uint8`.
        backend_args: Arguments of the file backend.

    Returns:
        H×W×``channels`` uint8; with ``channels=None`` H×W or H×W×3.

    Raises:
        FileNotFoundError: There is no such file.
        UnusableImage: The file cannot be read as an image; see the functions above.
    """
    image = decode_image(_get(path, backend_args), path)
    image = to_uint8(image, path, percentiles, fixed_range)
    return image if channels is None else to_channels(image, channels, path)


def read_fourth_channel(
    path: str,
    percentiles: Sequence[float] = (1.0, 99.0),
    fixed_range: Sequence[float] | None = None,
    backend_args: dict | None = None,
) -> np.ndarray:
    """Reads the fourth channel of a four-channel image, where MFNet keeps the infrared image.

    Returns:
        H×W×1 uint8.

    Raises:
        UnusableImage: The file has no four channels, or cannot be read.
    """
    image = decode_image(_get(path, backend_args), path, alpha=True)
    if image.ndim != 3 or image.shape[2] != 4:
        channels = 1 if image.ndim == 2 else image.shape[2]
        raise UnusableImage(f'{path} has {channels} channel(s), no infrared one in it; name the infrared file instead')
    return to_uint8(image[..., 3:], path, percentiles, fixed_range)


def _get(path: str, backend_args: dict | None) -> bytes:
    content = fileio.get(path, backend_args=backend_args)
    if content is None:  # what LMDB says of an absent key
        raise FileNotFoundError(f'{path} is not in {backend_args}')
    return content


@dataclass(frozen=True)
class Header:
    """Size in pixels as EXIF turns the image, channels with alpha, and whether values have more than 8 bits."""

    width: int
    height: int
    channels: int
    deep: bool


def read_header(path: str, backend_args: dict | None = None) -> Header:
    """Reads an image's header and nothing more.

    Raises:
        OSError: There is no such file, or it is not an image.
    """
    with fileio.get_local_path(path, backend_args=backend_args) as local, Image.open(local) as image:
        width, height = image.size
        # the base class's: a PNG file's own would decode the image to look for EXIF behind it
        if Image.Image.getexif(image).get(EXIF_ORIENTATION, 1) >= 5:
            width, height = height, width
        raw_mode = str(image.tile[0][3]) if image.tile else ''  # Pillow calls 48-bit colour RGB, but unpacks 'RGB;16B'
        return Header(width, height, len(image.getbands()), image.mode[0] in 'IF' or ';16' in raw_mode)
