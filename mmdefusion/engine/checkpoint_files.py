"""Finds the checkpoint that a run resumes from, among complete and broken files."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch

from mmdefusion.models.checkpoints.archives import check_unread
from mmdefusion.models.checkpoints.errors import CheckpointError
from mmdefusion.models.checkpoints.reading import read_checkpoint, refuse_old_torch

NEEDED = ('state_dict', 'message_hub', 'meta.iter', 'meta.epoch')
OPTIONAL = ('optimizer',)


def refuse_broken_run(path: Path) -> None:
    """Raises a CheckpointError if a run cannot resume from a file, as it is incomplete or has NaN weights."""
    content = read_checkpoint(path)
    refuse_no_run(content, str(path))
    state = content['state_dict']
    if bad := [name for name, value in state.items() if torch.is_tensor(value) and value.isnan().any()]:
        raise CheckpointError(f'{path}: {len(bad)} of its weights are NaN, first {bad[0]}.')


def refuse_no_run(content: dict[str, Any], name: str) -> None:
    """Raises a CheckpointError if a checkpoint lacks what MMEngine's runner resumes from, or has it in another form."""
    meta = content.get('meta')
    numbers = [meta.get(key) for key in ('iter', 'epoch')] if isinstance(meta, dict) else []
    dicts = [content.get(key) for key in ('state_dict', 'message_hub', *(key for key in OPTIONAL if key in content))]
    seed = meta.get('seed') if isinstance(meta, dict) else None
    counted = len(numbers) == 2 and all(type(one) is int and one >= 0 for one in numbers)
    if not counted or not all(isinstance(one, dict) for one in dicts) or not isinstance(seed, int | None):
        raise CheckpointError(
            f'{name} is no checkpoint of an interrupted training (it lacks a sound {", ".join(NEEDED)}): to begin a '
            'new training from its weights, name it as load_from.'
        )


def find_latest_whole(folder: Path, suffix: str = '.pth') -> tuple[Path | None, list[str]]:
    """Finds the newest checkpoint in a folder that a run can resume from, also if the folder was moved.

    Of several runs in the folder it is that which wrote last, and of a run the checkpoint with the most iterations, as
    a clock may go back. Dates are read from the content, as those of files change when they are copied. Published
    weights and MMEngine's ``best_*`` files, which have no optimizer states, are skipped.

    Args:
        folder: folder of the checkpoints.
        suffix: suffix of their names.

    Returns:
        The path, or None; and one line for each broken checkpoint.
    """
    found, last, broken = [*_candidates(folder, suffix)], {}, []
    for written, _ in found:
        last[written.run] = max(written.time, last.get(written.run, ''))
    for _, path in sorted(found, key=lambda one: (last[one[0].run], one[0].iteration, one[1]), reverse=True):
        try:
            refuse_broken_run(path)
        except CheckpointError as error:
            broken.append(str(error))
        else:
            return path, broken
    return None, broken


def holds_runs(folder: Path, suffix: str = '.pth') -> bool:
    """Whether a folder has what :func:`find_latest_whole` takes for checkpoints of a run, whole or broken."""
    return any(_candidates(folder, suffix))


def _candidates(folder: Path, suffix: str) -> Iterator[tuple['Written', Path]]:
    for path in sorted(folder.glob(f'*{suffix}')):
        if not path.name.startswith(('.', 'best_')) and path.is_file() and (written := _written(path)) is not None:
            yield written, path


class Written(NamedTuple):
    """When a checkpoint was written."""

    run: str
    time: str
    iteration: int


UNREADABLE = Written('', '~', 0)  # sorts after all dates, so that the file is checked first and reported as broken


def _written(path: Path) -> Written | None:
    """When a checkpoint of a run was written; None for other files.

    Nothing else of the file is used, so it is not read whole, as :func:`read_checkpoint` does to check it: a work dir
    may hold gigabytes.
    """
    refuse_old_torch(str(path))
    try:
        check_unread(path)
        content: Any = torch.load(path, map_location='cpu', weights_only=True, mmap=True)  # reads no tensors
    except Exception:  # torch raises many kinds of error for incomplete files
        return UNREADABLE
    meta = content.get('meta') if isinstance(content, dict) and 'message_hub' in content else None
    if isinstance(meta, dict) and isinstance(meta.get('iter'), int):
        # MMEngine's name of a run has the time of its start in it
        return Written(str(meta.get('experiment_name', path.name)), str(meta.get('time', '')), meta['iter'])
    return None
