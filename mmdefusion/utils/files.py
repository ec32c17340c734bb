"""Folders that results go to."""

import os
from pathlib import Path


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
