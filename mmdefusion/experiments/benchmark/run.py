"""A whole benchmark as one call."""

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmdefusion.evaluation.results import short_name
from mmdefusion.models.checkpoints.fitting import read_weights
from mmdefusion.utils.files import make_writable
from mmdefusion.visualization import Table

from ..launcher import Launcher
from .data_set import DataSet
from .entry import Entry
from .fairness import describe_fairness
from .fused_images import reads_fused_images, write_fused_images
from .models import find_models
from .plan import Budget, Comparison
from .report import tables, write_report


@dataclass(frozen=True)
class Benchmark:
    """What a comparison found.

    Attributes:
        report: the page, ``report.html``; ``report.md`` and its pictures lie beside it.
        entries: the models with their trainings, scores and costs.
        scores: scores and costs of all models that did not fail; None where all failed.
    """

    report: Path
    entries: list[Entry]
    scores: Table | None

    @property
    def failed(self) -> dict[str, str]:
        """What went wrong, by model."""
        return {entry.name: entry.error for entry in self.entries if entry.error}


def run_benchmark(
    data: str | os.PathLike,
    models: Sequence[str | os.PathLike],
    budget: str | Budget = '500i',
    seeds: int = 3,
    work_dir: str | os.PathLike = 'work_dirs/benchmark',
    weights: str | os.PathLike | None = None,
    options: Mapping[str, Any] | None = None,
    launcher: Launcher | None = None,
    at_once: int = 1,
    device: str = 'cpu',
    notify: Callable[[str], None] = print,
) -> Benchmark:
    """Train and test models on one data set with the same budget, and write a report.

    What is finished is not done again, what was interrupted goes on, and what fails is named in the report.

    Args:
        data: config with dataloaders and evaluators; its model, if it has one, is not read.
        models: configs, as files or by the names that :func:`known_models` lists.
        budget: of each training, such as ``'500i'`` (iterations) or ``'12e'`` (epochs).
        seeds: trainings of each model.
        work_dir: of everything that is written.
        weights: of pretraining, for DeFusion++'s networks; by default all start from random ones.
        options: settings of all models, ``key.sub`` to value.
        launcher: of several processes; by default there is one.
        at_once: models that are trained at the same time, where the launcher is Slurm.
        device: that time and memory of a test are measured on.
        notify: gets a line about each training.

    Returns:
        Entries with scores, and where the report is.

    Raises:
        OSError: if a file is not there, or ``work_dir`` cannot be written.
        ValueError: if a setting is wrong, a model does not fit the data, or the comparison would not be fair.

    Example:
        >>> found = run_benchmark('my-pairs.py', ['defusionpp_vit-tiny_atss', 'resnet50-visible_atss'], '12e', seeds=1)
        >>> print(found.scores.text())
    """
    launcher, options = launcher or Launcher(), dict(options or {})
    if min(seeds, at_once) < 1:
        raise ValueError(f'seeds={seeds} and at_once={at_once} must be 1 or more.')
    if at_once > 1 and launcher.kind != 'slurm':
        raise ValueError(f'at_once={at_once} needs the launcher slurm: here all models would share the same GPUs.')
    if weights:
        read_weights(weights)
    data, paths, work_dir = DataSet.load(Path(data), options), find_models(models), make_writable(work_dir)
    budget = budget if isinstance(budget, Budget) else Budget.parse(budget)
    comparison = Comparison(data, budget, work_dir, weights and str(weights), launcher.processes, options)
    entries = [Entry(short_name(path), [comparison.plan(path, seed) for seed in range(seeds)]) for path in paths]
    facts = describe_fairness([entry.config for entry in entries], comparison)
    if any(reads_fused_images(entry.config) for entry in entries):
        write_fused_images(data, comparison.fused)
    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(lambda entry: entry.train(launcher, notify), entries))
    for entry in entries:
        entry.measure(device, notify)
    done = [entry for entry in entries if not entry.error]
    scores, _ = tables(done, data) if done else (None, None)
    return Benchmark(write_report(entries, data, facts, work_dir), entries, scores)
