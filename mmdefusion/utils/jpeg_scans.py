"""Walks the segments of a JPEG file, up to its end: cameras append films and other pictures."""

import re
from typing import NamedTuple

END, SCAN = 0xD9, 0xDA
# The markers that libjpeg takes for the begin of a segment, in the data of a scan too: all else, which restarts and
# stuffed bytes are a part of, it passes over, so that a length behind it would hide scans from this walk.
MARKER = re.compile(rb'\xff[\xc0-\xcf\xd9-\xfe]')
MOST_SEGMENTS = 2**16  # far more than a file has; bounds the time of the walk


class Scans(NamedTuple):
    """What a JPEG file holds before its end."""

    count: int  #: scans
    whole: bool  #: whether there is an end after a scan


def jpeg_scans(content: bytes) -> Scans:
    """Counts the scans of a JPEG file; what follows its end, and thumbnails inside its segments, do not count."""
    count, place = 0, 2
    for _ in range(MOST_SEGMENTS):
        found = MARKER.search(content, place)
        if found is None:
            break
        marker, place = found[0][-1], found.end()
        if marker == END:
            return Scans(count, count > 0)
        count += marker == SCAN
        place += int.from_bytes(content[place : place + 2], 'big')
    return Scans(count, False)
