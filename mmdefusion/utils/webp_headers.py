"""Reads the EXIF orientation of a WebP file by the rules of OpenCV 5.0.

Pillow would set up a decoder first, with memory for the whole image.
"""

import struct
from typing import BinaryIO

from PIL import Image

EXIF_ORIENTATION = 0x0112
HAS_EXIF = 0x08  # flag of the extended form
MAX_CHUNKS = 1000
MAX_EXIF = 2**20  # bytes that are read


def read_orientation(file: BinaryIO) -> int:
    """The orientation, 1 to 8; 1 (upright) where the file says nothing, or nothing that can be read."""
    file.seek(12)
    kind, length = _take(file)
    flags = file.read(1)
    if kind != b'VP8X' or not flags or not flags[0] & HAS_EXIF:
        return 1
    place = 20
    for _ in range(MAX_CHUNKS):
        place += length + length % 2
        file.seek(place)
        kind, length = _take(file)
        if kind == b'EXIF':
            return _orientation(file.read(min(length, MAX_EXIF)))
        if not kind:
            break
        place += 8
    return 1


def _take(file: BinaryIO) -> tuple[bytes, int]:
    """Kind and length of a chunk; no kind at the end of the file."""
    start = file.read(8)
    return struct.unpack('<4sI', start) if len(start) == 8 else (b'', 0)


def _orientation(content: bytes) -> int:
    if content[:2] not in (b'II', b'MM'):  # OpenCV does not skip the prefix that JPEG files have here
        return 1
    exif = Image.Exif()
    try:
        exif.load(content)
        value = exif.get(EXIF_ORIENTATION, 1)
    except Exception:  # Pillow may raise anything; OpenCV decodes such a file as it is
        return 1
    return value if value in range(1, 9) else 1
