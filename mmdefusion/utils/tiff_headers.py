"""Reads the tags of a TIFF file's first page that decide the cost of decoding it (TIFF 6.0 and BigTIFF).

Pillow reads fewer kinds of TIFF than OpenCV (no colour in floats, for instance). Of a tag that appears twice, Pillow
takes the last and the library that OpenCV uses takes the first.
"""

import io
import struct
from dataclasses import dataclass
from typing import BinaryIO

MAGIC = b'II*\0', b'MM\0*', b'II+\0', b'MM\0+'
REDUCED = 1  # bit of NewSubfileType: a smaller copy of another page
MASK = 4
MAX_TAGS = 4096
# tag numbers
SUBFILE, WIDTH, HEIGHT, BITS, PHOTOMETRIC, ORIENTATION, CHANNELS = 254, 256, 257, 258, 262, 274, 277
WHITE_IS_ZERO = 0  # photometric interpretation: the image is a negative of the numbers
TILE_WIDTH, TILE_HEIGHT = 322, 323
EXTRA_SAMPLES, OTHER_ALPHA = 338, 2  # alpha that colours have not been multiplied by
SHORT = 3  # TIFF type
WHOLE_NUMBERS = {1: 'B', 3: 'H', 4: 'I', 16: 'Q'}  # TIFF type: struct code


@dataclass(frozen=True)
class Tiff:
    """What the tags of the first page say; ``decoded_pixels`` counts whole tiles, ``pages`` is 1 or 2 (two or more)."""

    width: int
    height: int
    channels: int
    bits: int
    orientation: int
    decoded_pixels: int
    pages: int
    white_is_zero: bool


def read_tiff(file: BinaryIO) -> Tiff:
    """Reads the tags of the first page, and whether a second page follows that is not a thumbnail or a mask.

    Raises:
        ValueError: if a tag appears twice or has a value that is not allowed.
        struct.error: if the file ends too early.
    """
    offset, order, big = _read_start(file)
    tags, following = _read_page(file, offset, order, big)
    width, height = tags[WIDTH], tags[HEIGHT]
    tile_width, tile_height = tags.get(TILE_WIDTH, width), tags.get(TILE_HEIGHT, height)
    if not tile_width or not tile_height:
        raise ValueError('it has tiles without pixels')
    decoded = -(-width // tile_width) * tile_width * -(-height // tile_height) * tile_height
    pages = 1
    if following:
        second = _read_page(file, following, order, big)[0] if following != offset else {}
        pages += not second.get(SUBFILE, 0) & (REDUCED | MASK)
    channels, bits = tags.get(CHANNELS, 1), tags.get(BITS, 1)
    if not 1 <= channels <= 4 or not 1 <= bits <= 64:
        raise ValueError(f'it has {channels} channels of {bits} bits')
    white_is_zero = tags.get(PHOTOMETRIC) == WHITE_IS_ZERO
    return Tiff(width, height, channels, bits, tags.get(ORIENTATION, 1), decoded, pages, white_is_zero)


def with_alpha_as_data(content: bytes) -> bytes:
    """A file whose extra channel is not called alpha, for which OpenCV's library multiplies colours of 8 bits by it.

    Args:
        content: of a file that :func:`read_tiff` takes.
    """
    file = io.BytesIO(content)
    offset, order, big = _read_start(file)
    entries, _ = _read_entries(file, offset, order, big)
    inline, first = (8, 8) if big else (4, 2)  # bytes of a value, and of the number of entries
    for number, (tag, *form, value) in enumerate(entries):
        if tag == EXTRA_SAMPLES and form == [SHORT, 1] and struct.unpack(f'{order}H', value[:2])[0] == OTHER_ALPHA:
            end = offset + first + (number + 1) * (inline + 4 + inline)
            return content[: end - inline] + bytes(inline) + content[end:]
    return content


def _read_start(file: BinaryIO) -> tuple[int, str, bool]:
    """The offset of the first page, the order of bytes, and whether the file is a BigTIFF."""
    start = file.read(16)
    order, big = '<' if start.startswith(b'II') else '>', start[2:4] in (b'+\0', b'\0+')
    offset = struct.unpack(f'{order}Q', start[8:16])[0] if big else struct.unpack(f'{order}I', start[4:8])[0]
    return offset, order, big


def _read_entries(file: BinaryIO, offset: int, order: str, big: bool) -> tuple[list[tuple], int]:
    """The entries of a page (tag, type, count, value or its offset), and the offset of the next, 0 if there is none."""
    counts, place, inline = ('Q', 'Q', 8) if big else ('H', 'I', 4)
    file.seek(offset)
    (number,) = _take(file, order + counts)
    if number > MAX_TAGS:
        raise ValueError(f'it has {number} tags')
    entries = [_take(file, f'{order}HH{place}{inline}s') for _ in range(number)]
    return entries, _take(file, order + place)[0]


def _read_page(file: BinaryIO, offset: int, order: str, big: bool) -> tuple[dict[int, int], int]:
    """The tags that hold whole numbers (the first of several), and the offset of the next page, 0 if there is none."""
    place, inline = ('Q', 8) if big else ('I', 4)
    entries, following = _read_entries(file, offset, order, big)
    tags: dict[int, int] = {}
    for tag, kind, count, value in entries:
        if tag in tags:
            raise ValueError(f'tag {tag} stands twice')
        if kind not in WHOLE_NUMBERS or not count:
            continue
        code = order + WHOLE_NUMBERS[kind]
        if struct.calcsize(code) * count > inline:
            file.seek(struct.unpack(order + place, value)[0])
            value = file.read(8)
        tags[tag] = struct.unpack(code, value[: struct.calcsize(code)])[0]
    return tags, following


def _take(file: BinaryIO, form: str) -> tuple:
    return struct.unpack(form, file.read(struct.calcsize(form)))
