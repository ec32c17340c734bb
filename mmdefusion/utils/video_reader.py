"""Reads several videos of one scene, frame by frame, matched by time."""

import itertools
import math
import os
import re
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from .image_headers import FORMATS, PIXELS_VARIABLE, check_regular, max_pixels
from .names import check_utf8

UNKNOWN_RATE = 25.0  # frames per second if no video file gives its rate
LOWEST_RATE, HIGHEST_RATE = 0.01, 1000  # frames per second; time-lapse videos and fast cameras lie within
# FFmpeg follows lists of other files. Containers begin with other bytes, but the size in RIFF and mdat may look so.
TEXT = re.compile(rb'(?!RIFF|....mdat)[\t\n\r -~]{8}', re.DOTALL)
SAME_RATE = 1e-4  # relative; 29.97 and 30 must count as different: after a minute they are two frames apart


class VideoFrames:
    """Iterates over the frames of several videos that belong together, until the shortest video ends.

    Every frame of the first video comes with the frame of each other video that is nearest in time. All videos are
    assumed to start at the same moment and to run at the constant rates that their files give.

    Args:
        paths: paths of the videos.

    Raises:
        FileNotFoundError: if a file does not exist.
        ValueError: if a file is no regular one or no video, its name is no UTF-8, its frames have more pixels than an
            image may have, its frame rate is none, or it gives no frame rate while others do.
    """

    def __init__(self, paths: Sequence[str | os.PathLike]) -> None:
        for path in paths:
            _check_content(path)
        self.captures = [cv2.VideoCapture(str(path)) for path in paths]
        for path, capture in zip(paths, self.captures, strict=True):
            if not capture.isOpened():
                raise ValueError(f'{path} is no video that OpenCV can open.')
            _check_header(capture, path)
        self.name = Path(paths[0]).stem
        rates = [capture.get(cv2.CAP_PROP_FPS) for capture in self.captures]
        silent = [str(path) for path, rate in zip(paths, rates, strict=True) if not rate]
        if silent and len(silent) < len(rates):
            raise ValueError(f'{silent[0]} gives no frame rate, but others do: write it again with a frame rate.')
        self.rate, *_ = self.rates = [UNKNOWN_RATE] * len(rates) if silent else rates
        counts = [max(0, int(capture.get(cv2.CAP_PROP_FRAME_COUNT))) for capture in self.captures]
        lengths = [math.ceil((count - 0.5) * self.rate / rate) for count, rate in zip(counts, self.rates, strict=True)]
        self.length = max(0, min(lengths))
        if any(abs(rate / self.rate - 1) > SAME_RATE for rate in self.rates):
            shown = ' and '.join(f'{rate:g}' for rate in self.rates)
            warnings.warn(f'The videos have {shown} frames a second: they are paired by time.', stacklevel=2)
        if max(lengths) > self.length:
            shown = ' and '.join(f'{count / rate:.2f}' for count, rate in zip(counts, self.rates, strict=True))
            warnings.warn(f'The videos last {shown} s: the shortest ends the result.', stacklevel=2)

    def __len__(self) -> int:
        """Number of frames of the result, by the headers of the files."""
        return self.length

    def __iter__(self) -> Iterator[tuple[np.ndarray, ...]]:
        """Yields each frame of the first video with the matching frames of the others (H×W×3 BGR); closes the files."""
        taken, frames = [-1] * len(self.captures), [None] * len(self.captures)
        try:
            for place in itertools.count():
                for index, (capture, rate) in enumerate(zip(self.captures, self.rates, strict=True)):
                    wanted = math.floor(place * rate / self.rate + 0.5)
                    if wanted > taken[index]:
                        frames[index] = _advance(capture, wanted - taken[index])
                        taken[index] = wanted
                if any(frame is None for frame in frames):
                    return
                yield tuple(frames)
        finally:
            self.close()

    def close(self) -> None:
        """Closes the files."""
        for capture in self.captures:
            capture.release()


def _check_content(path: str | os.PathLike) -> None:
    """Checks that a file may be given to OpenCV, which opens anything: pipes, images, lists of other files."""
    if '://' in str(path):
        raise ValueError(f'{path} is an address, and videos are read from files: download it first.')
    check_utf8(path)
    check_regular(str(path))
    with open(path, 'rb') as file:
        start = file.read(16)
    if start.startswith(b'GIF8') or any(starts(start) for starts, _ in FORMATS):
        raise ValueError(f'{path} is an image, no video, whatever its name; name it as an image.')
    if TEXT.match(start):
        raise ValueError(f'{path} is no video that OpenCV can open ({start[:12]!r} ...); replace the file.')


def _check_header(capture: cv2.VideoCapture, path: str | os.PathLike) -> None:
    width, height = (capture.get(side) for side in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
    if width * height > max_pixels():
        raise ValueError(
            f'{path} has frames of {width:.0f}x{height:.0f}, more than max_pixels={max_pixels()}; make it smaller, or '
            f'raise {PIXELS_VARIABLE} if you trust it.'
        )
    rate = capture.get(cv2.CAP_PROP_FPS)
    if rate and not LOWEST_RATE <= rate <= HIGHEST_RATE:  # 0 says that the file gives none
        raise ValueError(
            f'{path} has {rate:g} frames a second, not {LOWEST_RATE} to {HIGHEST_RATE}; write it again with its rate.'
        )


def _advance(capture: cv2.VideoCapture, steps: int) -> np.ndarray | None:
    """The frame ``steps`` frames ahead, or None if the video ends before it."""
    if not all(capture.grab() for _ in range(steps)):
        return None
    there, frame = capture.retrieve()
    return frame if there else None
