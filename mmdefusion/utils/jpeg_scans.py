"""Walks the segments of a JPEG file, up to its end: cameras append films and other pictures."""

import re
from typing import NamedTuple

START, END, SCAN = 0xD8, 0xD9, 0xDA
ALONE = 0x01, START  # markers without a length, beside restarts
# what ends the data of a scan: a marker that is neither a stuffed byte nor a restart
MARKER = re.compile(rb'\xff[^\x00\xff\xd0-\xd7]', re.DOTALL)


class Scans(NamedTuple):
    """What a JPEG file holds before its end."""

    count: int  #: scans
    whole: bool  #: whether there is an end after a scan


def jpeg_scans(content: bytes) -> Scans:
    """Counts the scans of a JPEG file; what follows its end, and thumbnails inside its segments, do not count."""
    count, place = 0, 2
    while found := MARKER.search(content, place):
        marker, place = found[0][-1], found.end()
        if marker == END:
            return Scans(count, count > 0)
        if marker == SCAN:
            count += 1
        if marker not in ALONE:
            place += int.from_bytes(content[place : place + 2], 'big')
    return Scans(count, False)
