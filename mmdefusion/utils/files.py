"""Writes files atomically: a file has its name only when all of it is on the disk."""

import os
from pathlib import Path

import cv2
import numpy as np

from .unfinished import unfinished_of


def make_writable(folder: str | os.PathLike) -> Path:
    """Makes a folder if it does not exist and checks that files can be written into it, before long work begins.

    Raises:
        OSError: if the folder cannot be made, is a file, or is read-only.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        unfinished_of(folder / 'probe').unlink()
    except OSError as error:
        raise OSError(f'Nothing can be written into {folder} ({error}): choose another folder.') from None
    return folder


def write_bytes(path: str | os.PathLike, content: bytes | memoryview, wait: bool = True) -> Path:
    """Writes a file under a temporary name, waits until the disk has it, and renames it; makes its folder.

    If a full disk or a kill stops it, the file that had the name before stays as it was.

    Args:
        path: the file.
        content: what it holds.
        wait: False does not wait for the disk, of many files that one run can write again: after a loss of power some
            of them may be empty.

    Raises:
        OSError: if the file cannot be written; the temporary file is removed.
    """
    path = Path(path)
    unfinished = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = unfinished_of(path)
        with unfinished.open('wb') as file:
            file.write(content)
        give_name(unfinished, path) if wait else os.replace(unfinished, path)
    except BaseException as error:
        if unfinished is not None:
            unfinished.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise OSError(error.errno, f'Nothing was written ({error.strerror})', str(path)) from None
        raise
    return path


def write_text(path: str | os.PathLike, text: str, wait: bool = True) -> Path:
    """Writes a UTF-8 text file, as :func:`write_bytes` does; bytes of names that are no UTF-8 stay as they are."""
    return write_bytes(path, text.encode(errors='surrogateescape'), wait)


def write_image(path: str | os.PathLike, image: np.ndarray) -> Path:
    """Writes an image in the format of the path's extension, as :func:`write_bytes` does.

    Args:
        path: the file.
        image: H×W or H×W×3 BGR; uint8, or uint16 as PNG or TIFF.

    Raises:
        OSError: if OpenCV cannot encode the image, or the file cannot be written.
    """
    try:
        done, encoded = cv2.imencode(Path(path).suffix, image)
    except cv2.error:
        done = False
    if not done:
        raise OSError(f'OpenCV cannot write {path} ({image.dtype}, {image.shape}): name it .png or .jpg.')
    return write_bytes(path, memoryview(encoded))


def give_name(unfinished: Path, path: Path) -> Path:
    """Renames a finished file once the disk has it, then waits until the disk has the name too."""
    _wait_for_disk(unfinished)
    os.replace(unfinished, path)
    if os.name == 'posix':  # elsewhere folders cannot be opened
        _wait_for_disk(path.parent)
    return path


def _wait_for_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
