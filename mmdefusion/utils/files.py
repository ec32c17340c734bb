"""Folders and files that results go to."""

import os
from pathlib import Path

import cv2
import numpy as np


def make_writable(folder: str | os.PathLike) -> Path:
    """Makes the folder where it is missing, before work begins whose results it should take.

    Raises:
        OSError: if it cannot be made, is a file, or nothing can be written into it.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f'.write-test-{os.getpid()}'
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise OSError(f'Nothing can be written into {folder} ({error}): choose another folder.') from None
    return folder


def write_image(path: Path, image: np.ndarray) -> Path:
    """Writes a picture (H×W or H×W×3 BGR, uint8) that is there whole or not at all; makes its folder.

    Raises:
        OSError: if it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f'.{path.name}')
    if not cv2.imwrite(str(unfinished), image):
        raise OSError(f'{path} cannot be written: is the disk full?')
    return unfinished.replace(path)
