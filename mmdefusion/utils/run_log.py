"""Reads the log of a training."""

import json
from collections.abc import Iterator
from pathlib import Path


def read_rows(work_dir: Path) -> Iterator[list[dict[str, float]]]:
    """Reads what MMEngine logged in each run of a work dir, oldest first.

    A line that was cut short or has no whole number as ``step`` is left out, and of a row what is no number.
    """
    for log in sorted(Path(work_dir).glob('*/vis_data/scalars.json')):
        if log.is_file():  # no pipe, which would be waited for
            yield [row for line in log.read_text(errors='replace').splitlines() if (row := _read_row(line))]


def _read_row(line: str) -> dict[str, float] | None:
    try:
        row = json.loads(line)
    except (RecursionError, ValueError):  # the run was killed, or the disk full, while it was written
        return None
    if not isinstance(row, dict) or type(row.get('step')) is not int:
        return None
    return {key: value for key, value in row.items() if type(value) in (int, float)}


def validation_scores(work_dir: Path) -> dict[int, dict[str, float]]:
    """Reads the validation scores by iteration from all runs in an MMEngine work dir; the latest run counts.

    A score gets the iteration of the training line before it: by default LoggerHook writes the epoch beside scores,
    which is always 0 in iteration-based training.
    """
    found: dict[int, dict[str, float]] = {}
    for rows in read_rows(work_dir):
        iteration = 0
        for row in rows:
            if 'loss' in row:
                iteration = row['step']
            elif scores := {key: value for key, value in row.items() if '/' in key}:
                found[max(iteration, row['step'])] = scores
    return dict(sorted(found.items()))
