"""Reads several videos of one scene, frame by frame, matched by time."""

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
MOST_FRAMES = 10**9  # that a header may count; without a duration there are -2.3e17
# How far a whole video may stay behind its header: lengths are rounded, and sound may go on after the last frame.
SPARE_FRAMES, SPARE_PART = 5, 0.05
ROUNDED = 2e-3  # seconds that a time stamp of a constant rate may be off: Matroska has whole milliseconds
EQUAL = 1e-9  # seconds; a time in the middle of two frames belongs to the later one, whatever floats make of it
MOST_BITS = 10  # of grey; colour videos of 10 bits are usual, grey ones of more hold the counts of a thermal camera
SAME_RATE = 1e-4  # relative; 29.97 and 30 must count as different: after a minute they are two frames apart


class VideoFrames:
    """Iterates over the frames of several videos that belong together, until the shortest video ends.

    Every frame of the first video comes with the frame of each other video that is nearest in time. All videos are
    assumed to start at the same moment. Frames have the times that their file gives; one whose time does not rise comes
    at most a frame's time of the rate after the one before it. A video that ends long before its header says is warned
    of: it may be damaged, or its header counts what was cut off or is sound alone.

    Args:
        paths: paths of the videos.

    Attributes:
        rate: frames of the first video per second.

    Raises:
        FileNotFoundError: if a file does not exist.
        ValueError: if a file is no regular one or no video, its name is no UTF-8, its frames have more pixels than an
            image may have or more bits of grey than OpenCV hands over, its frame rate is none, or it gives no frame
            rate while others do.
    """

    def __init__(self, paths: Sequence[str | os.PathLike]) -> None:
        for path in paths:
            _check_content(path)
        self.videos = [_Video(path) for path in paths]
        self.name = Path(paths[0]).stem
        silent = [str(video.path) for video in self.videos if not video.rate]
        if silent and len(silent) < len(self.videos):
            raise ValueError(f'{silent[0]} gives no frame rate, but others do: write it again with a frame rate.')
        for video in self.videos:
            video.rate = video.rate or UNKNOWN_RATE
        self.rate = self.videos[0].rate
        counted = [video for video in self.videos if video.count]
        lengths = [math.ceil((video.count - 0.5) * self.rate / video.rate) for video in counted]
        self.length = min(lengths, default=0)
        if any(abs(video.rate / self.rate - 1) > SAME_RATE for video in self.videos):
            shown = ' and '.join(f'{video.rate:g}' for video in self.videos)
            warnings.warn(f'The videos have {shown} frames a second: they are paired by time.', stacklevel=2)
        if max(lengths, default=0) > self.length:
            shown = ' and '.join(f'{video.count / video.rate:.2f}' for video in counted)
            warnings.warn(f'The videos last {shown} s: the shortest ends the result.', stacklevel=2)

    def __len__(self) -> int:
        """Number of frames of the result, by the headers of the files; 0 if no header says it."""
        return self.length

    def __iter__(self) -> Iterator[tuple[np.ndarray, ...]]:
        """Yields each frame of the first video with the matching frames of the others (H×W×3 BGR); closes the files."""
        try:
            first, *others = self.videos
            while True:
                time, image = first.take()
                frames = [image, *(video.nearest(time) for video in others)]
                if any(frame is None for frame in frames):
                    for lack in filter(None, (video.lack() for video in self.videos if video.ended)):
                        warnings.warn(lack, stacklevel=2)
                    return
                yield tuple(frames)
        finally:
            self.close()

    def close(self) -> None:
        """Closes the files."""
        for video in self.videos:
            video.capture.release()


Frame = tuple[float, np.ndarray | None]  # its time in seconds, H×W×3 BGR


class _Video:
    """A video that is read from its first frame on."""

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = path
        self.capture = cv2.VideoCapture(str(path))
        if not self.capture.isOpened():
            raise ValueError(f'{path} is no video that OpenCV can open.')
        _check_header(self.capture, path)
        self.rate = self.capture.get(cv2.CAP_PROP_FPS)
        count = self.capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self.count = int(count) if 1 <= count <= MOST_FRAMES else 0  # by the header; 0 if it says nothing of use
        self.taken = 0
        self.first = self.last = 0.0  # times of frames that were taken, in seconds, as the file gives them
        self.steady = True  # whether those that rose were those of the rate so far
        self.time = 0.0  # that counts, since the first frame
        self.around: list[Frame] = []  # the frames before and after the last time that was asked for
        self.ended = False

    def take(self, wanted: float = 0.0) -> Frame:
        """The next frame that may be the nearest to a time; behind the last one there is none, a frame's time later.

        Frames are decoded, but not converted, while the rate says that the next one is at least as near. The file may
        say another thing then, but once only: after that its rate is not constant, and each frame is converted.
        """
        while self._grab():
            if self.steady and _nearer(wanted, self.time, self.taken / self.rate):
                continue
            there, image = self.capture.retrieve()
            if not there:  # as if it could not be decoded
                self.ended, self.taken = True, self.taken - 1
            return self.time, image
        self.ended = True
        return (self.time + 1 / self.rate if self.taken else 0.0), None

    def nearest(self, time: float) -> np.ndarray | None:
        """The frame that is nearest to a time, which is not before the last one that was asked for.

        It is the later of two that are as near, and None if the video ends before it. Two frames are held.
        """
        while len(self.around) < 2 or (self.around[1][0] <= time and self.around[1][1] is not None):
            self.around = [*self.around[-1:], self.take(time)]
        (before, image), (after, later) = self.around
        return later if _nearer(time, before, after) else image

    def _grab(self) -> bool:
        """Goes to the next frame and sets its time; whether there is one."""
        if not self.capture.grab():
            return False
        stamp = self.capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        if self.taken:
            self._go_on(stamp)
        else:
            self.first = stamp
        self.last, self.taken = stamp, self.taken + 1
        return True

    def _go_on(self, stamp: float) -> None:
        """Sets the time of a frame that is not the first one; it is always later than that of the frame before."""
        by_rate, by_stamp, gap = self.taken / self.rate, stamp - self.first, stamp - self.last
        if self.steady and (gap <= 0 or abs(by_stamp - by_rate) <= ROUNDED):
            self.time = by_rate
            return
        self.steady = False
        # A frame that is ahead of its stamp follows by a frame's time, or by a gap of the stamps that is shorter, so
        # that they catch up with it. A gap of about a frame's time is a rounded one: many of them would be a drift.
        step = gap if 0 < gap < 1 / self.rate - ROUNDED else 1 / self.rate
        self.time = by_stamp if by_stamp > self.time else self.time + step

    def lack(self) -> str:
        """What may be wrong with a video that has ended, if both its frames and its time are fewer than its header has.

        Containers count the frames (and any rate of them does) or know the time (of which the number is a guess): a
        whole video has one of the two.
        """
        time = (self.last - self.first) * self.rate + 1 if self.taken else 0
        if self.count - max(self.taken, time) <= max(SPARE_FRAMES, SPARE_PART * self.count):
            return ''
        return f'{self.path} ends after {self.taken} of {self.count} frames: it may be cut or damaged.'


def _nearer(time: float, before: float, after: float) -> bool:
    """Whether the later of two times is as near to a time as the earlier one."""
    return after - time <= time - before + EQUAL


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
    if (bits := _grey_bits(capture)) > MOST_BITS:
        raise ValueError(
            f'{path} has {bits} bits of grey, of which OpenCV hands over the upper 8, so that the counts of a thermal '
            'camera become a few levels; export its frames as TIFF or PNG files.'
        )
    rate = capture.get(cv2.CAP_PROP_FPS)
    if rate and not LOWEST_RATE <= rate <= HIGHEST_RATE:  # 0 says that the file gives none
        raise ValueError(
            f'{path} has {rate:g} frames a second, not {LOWEST_RATE} to {HIGHEST_RATE}; write it again with its rate.'
        )


def _grey_bits(capture: cv2.VideoCapture) -> int:
    """The bits of a grey video by FFmpeg's tag: Y, 1, 0 and their number, or these the other way round; 0 of others."""
    code = int(capture.get(cv2.CAP_PROP_CODEC_PIXEL_FORMAT))
    tag = code.to_bytes(4, 'little') if 0 < code < 2**32 else bytes(4)  # not all backends know it
    return next((one[3] for one in (tag, tag[::-1]) if one.startswith(b'Y1\0')), 0)
