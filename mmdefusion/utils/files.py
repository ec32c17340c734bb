"""Folders and files that results go to: a file is there whole or not at all."""

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


def write_bytes(path: str | os.PathLike, content: bytes | memoryview) -> Path:
    """Writes a file beside its name, waits until the disk has it, and gives it its name; makes its folder.

    Whatever stops it, a full disk or a kill, leaves what the name stood for before.

    Raises:
        OSError: if it cannot be written; nothing unfinished stays behind.
    """
    path = Path(path)
    unfinished = unfinished_of(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with unfinished.open('wb') as file:
            file.write(content)
        give_name(unfinished, path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise OSError(error.errno, f'Nothing was written ({error.strerror})', str(path)) from None
    return path


def write_text(path: str | os.PathLike, text: str) -> Path:
    """:func:`write_bytes` of UTF-8 text."""
    return write_bytes(path, text.encode())


def write_image(path: str | os.PathLike, image: np.ndarray) -> Path:
    """:func:`write_bytes` of a picture (H×W or H×W×3 BGR, uint8), encoded as the name's suffix says.

    Raises:
        OSError: if OpenCV cannot encode it, or it cannot be written.
    """
    try:
        done, encoded = cv2.imencode(Path(path).suffix, image)
    except cv2.error:
        done = False
    if not done:
        raise OSError(f'OpenCV cannot write {path} ({image.dtype}, {image.shape}): name it .png or .jpg.')
    return write_bytes(path, memoryview(encoded))


def unfinished_of(path: Path) -> Path:
    """Where a file is written before it gets its name; what a kill leaves there is overwritten the next time."""
    return path.with_name(f'.{path.name}')


def give_name(unfinished: Path, path: Path) -> Path:
    """Gives a finished file its name, once the disk has the file; then waits until it has the name, too."""
    _wait_for_disk(unfinished)
    unfinished.replace(path)
    if os.name == 'posix':  # elsewhere folders cannot be opened
        _wait_for_disk(path.parent)
    return path


def _wait_for_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
