"""Checkpoints of runs on the disk: which are whole, and which a run goes on from."""

from pathlib import Path
from typing import Any

import torch

from mmdefusion.models.checkpoints.errors import CheckpointError
from mmdefusion.models.checkpoints.reading import read_checkpoint


def refuse_broken_run(path: Path) -> None:
    """Raises a CheckpointError where a run cannot go on from a file: it is not whole, or its weights are NaN."""
    state = read_checkpoint(path).get('state_dict', {})
    if bad := [name for name, value in state.items() if torch.is_tensor(value) and value.isnan().any()]:
        raise CheckpointError(f'{path}: {len(bad)} of its weights are NaN, first {bad[0]}.')


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
    dated, broken = [], []
    for path in sorted(folder.glob(f'*{suffix}')):
        if path.name.startswith(('.', 'best_')) or not path.is_file():
            continue
        date = _date(path)
        if date is not None:
            dated.append((date, path))
    for _, path in sorted(dated, reverse=True):
        try:
            refuse_broken_run(path)
        except CheckpointError as error:
            broken.append(str(error))
        else:
            return path, broken
    return None, broken


UNREADABLE = ('~', 0)  # sorts behind all dates: looked at first, and found broken


def _date(path: Path) -> tuple[str, int] | None:
    """When a run was saved, and at which iteration; None of what is no run."""
    try:
        content: Any = torch.load(path, map_location='cpu', weights_only=True, mmap=True)  # reads no tensors
    except Exception:  # torch raises many kinds for a file that is no whole checkpoint
        return UNREADABLE
    meta = content.get('meta') if isinstance(content, dict) and 'message_hub' in content else None
    if isinstance(meta, dict) and isinstance(meta.get('iter'), int):
        return str(meta.get('time', '')), meta['iter']
    return None
