"""Reads the log of a training."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def read_rows(work_dir: Path) -> Iterator[list[dict[str, Any]]]:
    """Reads what MMEngine logged in each run of a work dir, oldest first; a line that was cut short is left out."""
    for log in sorted(Path(work_dir).glob('*/vis_data/scalars.json')):
        rows = []
        for line in log.read_text(errors='replace').splitlines():
            try:
                row = json.loads(line)
            except ValueError:  # the run was killed, or the disk full, while it was written
                continue
            if isinstance(row, dict):
                rows.append(row)
        yield rows


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
