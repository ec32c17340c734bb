"""Reads the log of a training."""

import json
from pathlib import Path


def validation_scores(work_dir: Path) -> dict[int, dict[str, float]]:
    """Reads the validation scores by iteration from all runs in an MMEngine work dir; the latest run counts.

    A score gets the iteration of the training line before it: by default LoggerHook writes the epoch beside scores,
    which is always 0 in iteration-based training.
    """
    found: dict[int, dict[str, float]] = {}
    for log in sorted(Path(work_dir).glob('*/vis_data/scalars.json')):
        iteration = 0
        for line in map(json.loads, log.read_text().splitlines()):
            if 'loss' in line:
                iteration = line['step']
            elif scores := {key: value for key, value in line.items() if '/' in key}:
                found[max(iteration, line['step'])] = scores
    return dict(sorted(found.items()))
