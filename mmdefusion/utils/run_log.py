"""What a run wrote down."""

import json
from pathlib import Path


def validation_scores(work_dir: Path) -> dict[int, dict[str, float]]:
    """Validation scores by iteration, from all runs in an MMEngine work dir; where two have one, the later counts.

    A score's iteration is that of the training line before it: LoggerHook gives scores the epoch by default, which is
    0 all along in iteration-based training.
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
