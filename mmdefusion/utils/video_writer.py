"""Writes videos atomically: a video has its name only when it is complete."""

import math
import shutil
from pathlib import Path

import cv2
import numpy as np

from .files import give_name
from .names import check_utf8
from .unfinished import unfinished_of

LARGEST_TIME_BASE = 65535  # of MPEG-4: a rate is a whole number of frames in so many seconds
DECIMALS = 3  # of a rate that OpenCV keeps
CHECKED = 100  # frames from look to look at the disk, as OpenCV gives no error
LEAST_FREE = 2**20  # bytes; a disk that is full stays full


class VideoWriter:
    """Writes an MP4 file under a temporary name and renames it when it is finished.

    MP4 videos have an even width and height: the last row or column of an odd image is written twice.

    Args:
        target: path of the finished file.
        rate: frames per second; where MPEG-4 cannot have it exactly, the nearest with fewer decimals is written.

    Raises:
        ValueError: if the path is no UTF-8.
    """

    def __init__(self, target: Path, rate: float) -> None:
        check_utf8(target)
        self.target = target
        self.rate = writable_rate(rate)
        self.unfinished: Path | None = None  # until there is a frame
        self.frames = 0
        self.writer: cv2.VideoWriter | None = None

    def __enter__(self) -> 'VideoWriter':
        return self

    def __exit__(self, *error: object) -> None:
        """Closes the writer and removes an unfinished file."""
        if self.writer is not None:
            self.writer.release()
        if self.unfinished is not None:
            self.unfinished.unlink(missing_ok=True)

    def write(self, image: np.ndarray) -> None:
        """Appends a frame, H×W×3 BGR or H×W, uint8.

        Raises:
            OSError: if OpenCV cannot write a video of this size to this place, or the disk is full.
        """
        image = image if image.ndim == 3 else cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
        height, width = image.shape[:2]
        image = cv2.copyMakeBorder(image, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
        if self.writer is None:
            self.unfinished = unfinished_of(self.target)
            codec = cv2.VideoWriter_fourcc(*'mp4v')
            self.writer = cv2.VideoWriter(str(self.unfinished), codec, self.rate, image.shape[1::-1])
            if not self.writer.isOpened():
                raise OSError(f'OpenCV cannot write {self.target} ({image.shape[1]}x{image.shape[0]}, mp4v).')
        self.writer.write(image)
        self.frames += 1
        if self.frames % CHECKED == 0 and shutil.disk_usage(self.target.parent).free < LEAST_FREE:
            raise OSError(f'{self.target}: no room is left after {self.frames} frames: is the disk full?')

    def finish(self) -> Path:
        """Closes the file, counts the frames that can be read, and renames it.

        Raises:
            OSError: if not all frames can be read; OpenCV gives no error for frames that could not be written.
            ValueError: if no frame was written.
        """
        if self.writer is None:
            raise ValueError(f'{self.target} has no frame: the sources have none that can be read.')
        self.writer.release()
        readable = count_frames(self.unfinished)
        if readable != self.frames:
            raise OSError(f'{self.target}: {readable} of {self.frames} frames were written: is the disk full?')
        return give_name(self.unfinished, self.target)


def count_frames(path: Path) -> int:
    """Counts the frames of a video that can be read, whatever its header says.

    Raises:
        ValueError: if the path is no UTF-8.
    """
    check_utf8(path)
    capture = cv2.VideoCapture(str(path))
    count = 0
    while capture.grab():
        count += 1
    capture.release()
    return count


def writable_rate(rate: float) -> float:
    """The rate in as many decimals as MPEG-4 can have of it: 120.0312 becomes 120.03."""
    return round(rate, min(DECIMALS, int(math.log10(LARGEST_TIME_BASE / rate))))
