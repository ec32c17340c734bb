"""Reads and checks the header of an image file before anything is decoded.

A file of a few hundred kilobytes can ask for gigabytes: the size in its header decides how much memory a decoder takes.
The header is read here by the rules that OpenCV's decoders follow, so that a file cannot show two sizes.
"""

import io
import os
import stat
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from PIL import BmpImagePlugin, Image, JpegImagePlugin, PngImagePlugin

from .jpeg_scans import jpeg_scans
from .names import shown
from .storage import local_copy
from .tiff_headers import MAGIC, read_tiff
from .webp_headers import EXIF_ORIENTATION, read_orientation

IMAGE_SUFFIXES = ('.png', '.jpg', '.jpeg', '.bmp', '.tif', '.tiff', '.webp')
LYING = (5, 6, 7, 8)  # EXIF orientations that exchange width and height; OpenCV ignores those beyond
MAX_PIXELS = 64_000_000  # 8,000 x 8,000
MOST_DIGITS = 18
PIXELS_VARIABLE = 'MMDEFUSION_MAX_PIXELS'
BYTES_PER_PIXEL = 32  # the most that a file may have: four channels of 64 bits
BYTES_BESIDE = 32 * 2**20  # allowed on top for what is not pixels: colour profiles, thumbnails, maker notes
MAX_SCANS = 200  # in a progressive JPEG; ten are usual, and each decodes the whole image again


class UnusableImage(ValueError):
    """The content of an image file is at fault, not a setting: another file may work. The message can be printed."""

    def __init__(self, message: str) -> None:
        super().__init__(shown(message))


@dataclass(frozen=True)
class Header:
    """What the header of an image file says.

    Attributes:
        width: in pixels, after the rotation that EXIF asks for.
        height: in pixels, likewise.
        channels: number of channels, alpha included.
        deep: whether the values have more than 8 bits.
    """

    width: int
    height: int
    channels: int
    deep: bool


def max_pixels() -> int:
    """The default limit for the size of an image: 64 million pixels, or the environment's MMDEFUSION_MAX_PIXELS.

    Raises:
        ValueError: if the environment variable is not a positive whole number.
    """
    value = os.environ.get(PIXELS_VARIABLE, '')
    if value and not (value.isdecimal() and len(value) <= MOST_DIGITS and int(value)):
        raise ValueError(
            f'{PIXELS_VARIABLE}={value[:40]!r} must be a whole number of pixels, 1 to {MOST_DIGITS} digits.'
        )
    return int(value) if value else MAX_PIXELS


def parse_header(content: bytes, name: str, limit: int | None = None) -> Header:
    """Reads the header of an image file and refuses images that would take too much memory or time to decode.

    Args:
        content: the bytes of a PNG, JPEG, BMP, TIFF or WebP file.
        name: the file's name in error messages.
        limit: largest number of pixels; None stands for :func:`max_pixels`.

    Raises:
        UnusableImage: if the content is of no such format, is malformed, has too many pixels or scans, is too large for
            its pixels, or holds several images.
    """
    if content.startswith(b'\xff\xd8') and jpeg_scans(content).count > MAX_SCANS:
        raise UnusableImage(f'{name} has more than {MAX_SCANS} scans; save it as a plain JPEG file.')
    return _judge(io.BytesIO(content), len(content), name, limit)


def read_header(path: str, backend_args: dict | None = None, limit: int | None = None) -> Header:
    """Reads an image's header and nothing more; see :func:`parse_header`.

    Raises:
        FileNotFoundError: if there is no such file.
        UnusableImage: if it is not a regular file, or not an image that may be decoded.
    """
    with local_copy(path, backend_args) as local:
        size = check_regular(local)
        with open(local, 'rb') as file:
            return _judge(file, size, path, limit)


def check_regular(path: str) -> int:
    """Checks that a path is a regular file, as reading a device or a pipe may never end, and returns its size in bytes.

    Raises:
        FileNotFoundError: if there is no such file.
        UnusableImage: if the path is something else.
    """
    found = os.stat(path)
    if not stat.S_ISREG(found.st_mode):
        raise UnusableImage(f'{path} is a {_kind(found.st_mode)}, not a regular file; name a file.')
    return found.st_size


def check_bytes(size: int, pixels: int, name: str) -> None:
    """Raises an UnusableImage if a file is larger than its number of pixels can explain."""
    if size > pixels * BYTES_PER_PIXEL + BYTES_BESIDE:
        raise UnusableImage(
            f'{name} has {size} bytes, too many for {pixels} pixels; save the image again without extra data.'
        )


def _kind(mode: int) -> str:
    kinds = ((stat.S_ISDIR, 'folder'), (stat.S_ISFIFO, 'named pipe'), (stat.S_ISSOCK, 'socket'))
    return next((kind for test, kind in kinds if test(mode)), 'device')


def _judge(file: BinaryIO, size: int, name: str, limit: int | None) -> Header:
    limit = max_pixels() if limit is None else limit
    start = file.read(16)
    reader = next((reader for starts, reader in FORMATS if starts(start)), None)
    if reader is None:
        raise UnusableImage(
            f'{name} is not an image that can be read (no PNG, JPEG, BMP, TIFF or WebP; {size} bytes); replace it.'
        )
    file.seek(0)
    try:
        header, costs, pictures = reader(file)
    except Exception as error:  # Pillow may raise anything, also SyntaxError and struct.error
        why = ' '.join(str(error).split())[:200] or type(error).__name__
        raise UnusableImage(f'{name} is not an image that can be read ({why}); replace the file.') from None
    if header.width < 1 or header.height < 1:
        raise UnusableImage(f'{name} is {header.width}x{header.height}; replace the file.')
    pixels = header.width * header.height
    if max(pixels, costs) > limit:
        raise UnusableImage(
            f'{name} is {header.width}x{header.height} and takes {max(pixels, costs) / 1e6:,.1f} million pixels to '
            f'decode, more than max_pixels={limit}; shrink it, or raise max_pixels (or {PIXELS_VARIABLE}) if you '
            'trust it.'
        )
    if pictures > 1:
        raise UnusableImage(f'{name} holds {pictures} pictures or more; save the one that you want as a file.')
    check_bytes(size, pixels, name)
    return header


# Each reader returns the header, the pixels that decoding takes (padded tiles count), and the number of images.
Found = tuple[Header, int, int]


def _read_png(file: BinaryIO) -> Found:
    start = file.read(24)
    size = struct.unpack('>II', start[16:24])
    _walk_chunks(file)
    file.seek(0)
    image = PngImagePlugin.PngImageFile(file)
    if start[12:16] != b'IHDR' or size != image.size:
        raise ValueError('it shows two sizes')
    return _of_pillow(image, getattr(image, 'n_frames', 1))


def _walk_chunks(file: BinaryIO) -> None:
    """Raises a ValueError if a chunk is longer than the file: OpenCV would first allocate the length that it claims."""
    place, end = 8, file.seek(0, os.SEEK_END)
    kind = b''
    while kind != b'IEND':
        file.seek(place)
        length, kind = struct.unpack('>I4s', file.read(8))
        place += 12 + length
        if place > end:
            raise ValueError('it is cut short, or a length in it is wrong')


def _read_jpeg(file: BinaryIO) -> Found:
    return _of_pillow(JpegImagePlugin.JpegImageFile(file))


def _read_bmp(file: BinaryIO) -> Found:
    return _of_pillow(BmpImagePlugin.BmpImageFile(file))


def _of_pillow(image: Image.Image, pictures: int = 1) -> Found:
    width, height = image.size
    # Pillow's PNG class overrides getexif and would decode the image to look for EXIF data behind it
    if Image.Image.getexif(image).get(EXIF_ORIENTATION, 1) in LYING:
        width, height = height, width
    raw_mode = str(image.tile[0][3]) if image.tile else ''  # Pillow calls 48-bit colour RGB, but unpacks 'RGB;16B'
    deep = image.mode[0] in 'IF' or ';16' in raw_mode
    return Header(width, height, len(image.getbands()), deep), 0, pictures


def _read_webp(file: BinaryIO) -> Found:
    start = file.read(30)
    kind, body = start[12:16], start[20:]
    if kind == b'VP8X':
        width, height = (int.from_bytes(body[place : place + 3], 'little') + 1 for place in (4, 7))
        if read_orientation(file) in LYING:
            width, height = height, width
        return Header(width, height, 4 if body[0] & 0x10 else 3, False), 0, 2 if body[0] & 0x02 else 1
    if kind == b'VP8L':
        bits = int.from_bytes(body[1:5], 'little')
        return Header((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, 4 if bits >> 28 & 1 else 3, False), 0, 1
    if kind == b'VP8 ':
        width, height = struct.unpack('<HH', body[6:10])
        return Header(width & 0x3FFF, height & 0x3FFF, 3, False), 0, 1
    raise ValueError(f'{kind!r} is not an image')


def _read_tiff(file: BinaryIO) -> Found:
    tiff = read_tiff(file)
    width, height = (tiff.height, tiff.width) if tiff.orientation in LYING else (tiff.width, tiff.height)
    return Header(width, height, tiff.channels, tiff.bits > 8), tiff.decoded_pixels, tiff.pages


FORMATS: tuple[tuple[Callable[[bytes], bool], Callable[[BinaryIO], Found]], ...] = (
    (lambda start: start.startswith(b'\x89PNG\r\n\x1a\n'), _read_png),
    (lambda start: start.startswith(b'\xff\xd8\xff'), _read_jpeg),
    (lambda start: start.startswith(b'BM'), _read_bmp),
    (lambda start: start.startswith(MAGIC), _read_tiff),
    (lambda start: start.startswith(b'RIFF') and start[8:12] == b'WEBP', _read_webp),
)
