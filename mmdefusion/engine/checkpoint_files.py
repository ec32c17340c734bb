"""Checkpoints of runs on the disk: which are whole, and which a run goes on from."""

import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import torch

ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, RuntimeError, ValueError)


class BrokenCheckpointError(ValueError):
    """A run should go on from a checkpoint that is not whole."""


def find_flaw(path: Path) -> str | None:
    """What is wrong with the file of a checkpoint, in a few words, or None.

    ``torch.save`` writes a checksum (CRC-32) with each of its records, and ``torch.load`` does not look at them: what
    was flipped becomes a weight. Files of torch before 1.6 have none and pass.
    """
    try:
        with path.open('rb') as file:
            start = file.read(2)
        if start != b'PK':
            return None if start else 'it is empty'
        with zipfile.ZipFile(path) as records:
            entries = records.infolist()
            if any(entry.compress_type for entry in entries):  # never unpack what torch does not pack
                return 'it is compressed, which torch.save never does'
            if sum(entry.file_size for entry in entries) > path.stat().st_size:
                return 'its records are larger than the file'
            broken = records.testzip()
    except ZIP_ERRORS as error:
        return f'it is cut off or damaged ({error})'
    return f'{broken} does not match its checksum' if broken else None


def find_flaw_of_run(path: Path) -> str | None:
    """Like :func:`find_flaw`, of a file that a run is to go on from: torch must load it, and nothing be NaN."""
    if flaw := find_flaw(path):
        return flaw
    try:
        content = torch.load(path, map_location='cpu', weights_only=True)
        bad = [name for name, value in content['state_dict'].items() if torch.is_tensor(value) and value.isnan().any()]
    except Exception as error:  # what a file can do to torch's loader has no one type
        return f'torch cannot load it ({_first_line(error)})'
    return f'{len(bad)} of its weights are NaN, first {bad[0]}' if bad else None


def find_latest_whole(folder: Path, suffix: str = '.pth') -> tuple[Path | None, list[str]]:
    """The newest checkpoint in a folder that a run can go on from, wherever the folder was moved.

    The newest is the one that says so itself: dates of files change when they are copied. Published weights and
    MMEngine's ``best_*`` files, which have no optimizer's state, are passed over.

    Args:
        folder: of the checkpoints.
        suffix: of their names.

    Returns:
        Its path, None if there is none; and a line for each that is broken.
    """
    dated, skipped = [], []
    for path in sorted(folder.glob(f'*{suffix}')):
        if path.name.startswith(('.', 'best_')) or not path.is_file():
            continue
        try:
            content = torch.load(path, map_location='cpu', weights_only=True, mmap=True)  # reads no tensors
        except Exception:
            skipped.append(f'{path.name}: {find_flaw_of_run(path)}')
            continue
        if date := _date(content):
            dated.append((date, path))
    for _, path in sorted(dated, reverse=True):
        flaw = find_flaw_of_run(path)
        if flaw is None:
            return path, skipped
        skipped.append(f'{path.name}: {flaw}')
    return None, skipped


def _date(content: Any) -> tuple[str, int] | None:
    """When a run was saved, and at which iteration; None of what is no run."""
    meta = content.get('meta') if isinstance(content, dict) and 'message_hub' in content else None
    if isinstance(meta, dict) and isinstance(meta.get('iter'), int):
        return str(meta.get('time', '')), meta['iter']
    return None


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
