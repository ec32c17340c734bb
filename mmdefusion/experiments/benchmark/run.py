"""Runs a whole benchmark by one call."""

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmdefusion.models.checkpoints.weights_fit import read_weights
from mmdefusion.utils.files import make_writable
from mmdefusion.visualization import Table

from ..launcher import Launcher
from .budget import Budget
from .data_set import DataSet
from .entry import Entry
from .fairness import describe_fairness
from .fused_images import reads_fused_images, write_fused_images
from .models import find_candidates
from .plan import Comparison
from .report import tables, write_report


@dataclass(frozen=True)
class Benchmark:
    """The result of a comparison.

    Attributes:
        report: path of ``report.html``; ``report.md`` and its image files are in the same folder.
        entries: the models with their trainings, scores and costs.
        scores: scores and costs of all models that did not fail; None if all failed.
    """

    report: Path
    entries: list[Entry]
    scores: Table | None

    @property
    def failed(self) -> dict[str, str]:
        """The errors of failed models, by model."""
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
    light: bool = False,
) -> Benchmark:
    """Trains and tests models on one data set with the same budget, and writes a report.

    Finished trainings are not repeated, interrupted ones are resumed, and the report names failed ones.

    Args:
        data: config with dataloaders and evaluators; its model, if it has one, is not used.
        models: configs, as files or by the names that :func:`known_models` lists; ``MODEL@WEIGHTS`` starts from
            weights of its own.
        budget: budget of each training, such as ``'500i'`` (iterations), ``'12e'`` (epochs) or ``'10min'`` (minutes).
        seeds: number of trainings of each model.
        work_dir: folder of everything that is written.
        weights: pretrained weights for DeFusion++'s networks without ``@``; by default these start from random
            weights, except for a spatial prior whose config names its own.
        options: settings of all models, from ``key.sub`` to value.
        launcher: launcher of several processes; by default there is one process.
        at_once: number of models that are trained at the same time, with Slurm only.
        device: device on which time and memory of a test are measured.
        notify: function that gets a line about each training.
        light: whether all models get narrow maps and a head of one convolution (:func:`make_light`).

    Returns:
        The models with their scores, and the path of the report.

    Raises:
        OSError: if a file does not exist, or ``work_dir`` cannot be written to.
        ValueError: if a setting is wrong, a model does not fit the data, or the comparison would not be fair.
        RuntimeError: if the budget is a time, and a training step of a model cannot be measured.

    Example:
        >>> found = run_benchmark('my-pairs.py', ['defusionpp_vit-tiny_atss', 'resnet50-visible_atss'], '12e', seeds=1)
        >>> print(found.scores.text())
    """
    launcher, options = launcher or Launcher(), dict(options or {})
    if min(seeds, at_once) < 1:
        raise ValueError(f'seeds={seeds} and at_once={at_once} must be 1 or more.')
    if at_once > 1 and launcher.kind != 'slurm':
        raise ValueError(f'at_once={at_once} needs the launcher slurm: here all models would share the same GPUs.')
    candidates = find_candidates(models, weights and str(weights))
    for file in {one.weights for one in candidates if one.weights}:
        read_weights(file)
    data, work_dir = DataSet.load(Path(data), options), make_writable(work_dir)
    budget = budget if isinstance(budget, Budget) else Budget.parse(budget)
    comparison = Comparison(data, budget, work_dir, launcher.processes, options, light)
    entries = [Entry(one.name, [comparison.plan(one, seed) for seed in range(seeds)]) for one in candidates]
    facts = describe_fairness([entry.config for entry in entries], comparison)
    if any(reads_fused_images(entry.config) for entry in entries):
        write_fused_images(data, comparison.fused)
    with ThreadPoolExecutor(at_once) as pool:
        try:
            list(pool.map(lambda entry: entry.train(launcher, notify), entries))
        except KeyboardInterrupt:
            pool.shutdown(cancel_futures=True)  # those that have not begun
            raise
    for entry in entries:
        entry.measure(device, notify)
    done = [entry for entry in entries if not entry.error]
    scores, _ = tables(done, data) if done else (None, None)
    return Benchmark(write_report(entries, data, facts, work_dir), entries, scores)
