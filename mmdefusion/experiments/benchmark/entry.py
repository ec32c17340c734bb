"""One model of a comparison: its trainings, scores and costs."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from functools import partial
from pathlib import Path

import numpy as np
from mmengine.config import Config

from mmdefusion.engine.hooks.kept_tokens_hook import KEEPING
from mmdefusion.evaluation.trial_scores import score_in_percent
from mmdefusion.models.checkpoints.weights_fit import read_weights, refuse_misfit
from mmdefusion.registry import DATASETS
from mmdefusion.utils.files import write_text
from mmdefusion.utils.kept import read_kept
from mmdefusion.utils.run_log import read_rows

from ..complexity import Complexity, build_model, measure_complexity
from ..launcher import Launcher
from ..measured_once import measure_once
from ..trial import Trial


@dataclass
class Entry:
    """One model of the comparison.

    Attributes:
        name: name in the report.
        trials: one trial for each seed.
        error: the error, if the model failed.
        complexity: size and costs, after they were measured.
        metrics: scores of each seed, after the tests.
    """

    name: str
    trials: list[Trial]
    error: str = ''
    complexity: Complexity | None = None
    metrics: list[dict[str, float]] = field(default_factory=list)

    @property
    def config(self) -> Config:
        """The config of the first training.

        It is safe to run: this process composed it from configs that the user named.
        """
        return Config.fromstring(self.trials[0].config, '.py')

    def values(self, key: str) -> np.ndarray:
        """A score of each seed in percent; NaN for classes that the split lacks."""
        return np.array([score_in_percent(metrics, key) for metrics in self.metrics])

    def train(self, launcher: Launcher, notify: Callable[[str], None]) -> None:
        """Trains and tests what is not finished, and reports progress; an error goes to :attr:`error`."""
        try:
            for trial in self.trials:
                if not trial.done():
                    start = time.monotonic()
                    notify(f'{trial.folder.name}: training, log in {trial.log}')
                    trial.run(launcher)
                    notify(f'{trial.folder.name}: done in {(time.monotonic() - start) / 60:.1f} min')
            self.metrics = [trial.metrics() for trial in self.trials]
        except (OSError, RuntimeError, ValueError) as error:
            self.error = str(error)
            notify(self.error)

    def measure(self, device: str, notify: Callable[[str], None]) -> None:
        """Measures time and memory of a test on ``device``, unless training failed; an error goes to :attr:`error`."""
        if not self.error:
            try:
                self.complexity = self._measure(device)
            except (OSError, RuntimeError, ValueError) as error:
                self.error = str(error)
                notify(self.error)

    def _measure(self, device: str) -> Complexity:
        folder = self.trials[0].folder
        kept, key = folder / 'complexity.json', f'{self.trials[0].key} {device}'
        arguments = folder / 'config.py', device, kept, key
        what = f'{self.name}: time and memory'
        return measure_once(kept, partial(_read_complexity, kept, key), _measure, arguments, what)

    def curve(self) -> tuple[list[int], list[float]]:
        """Iterations and losses of the first seed."""
        logs = read_rows(self.trials[0].folder)
        losses = {row['step']: row['loss'] for rows in logs for row in rows if 'loss' in row}
        return list(losses), list(losses.values())

    def minutes(self) -> float:
        """Minutes of one training, without interruptions, and with what is computed before the first step."""
        logs = [rows for trial in self.trials for rows in read_rows(trial.folder)]
        times = [row['time'] for rows in logs for row in rows if 'loss' in row and 'time' in row]
        before = [row[KEEPING] for rows in logs for row in rows if KEEPING in row] or [0.0]
        return float(np.mean(times) * self.config.train_cfg.max_iters + np.mean(before)) / 60 if times else 0.0


def _read_complexity(kept: Path, key: str) -> Complexity | None:
    found = read_kept(kept, key=str, complexity=dict)
    names = [one.name for one in fields(Complexity)]
    whole = found and found['key'] == key and all(isinstance(found['complexity'].get(n), int | float) for n in names)
    return Complexity(**{name: found['complexity'][name] for name in names}) if whole else None


def _measure(path: Path, device: str, out: Path, key: str) -> None:
    config = Config.fromfile(path)
    model = build_model(config, device)
    # the cost of post-processing depends on the trained weights
    checkpoint = (path.parent / 'last_checkpoint').read_text().strip()
    weights = read_weights(checkpoint)
    refuse_misfit(model, weights, checkpoint)
    model.load_state_dict(weights, strict=False)
    dataset = DATASETS.build(config.test_dataloader.dataset)
    packed = dataset[0]
    batch = dict(inputs=[packed['inputs']], data_samples=[packed['data_samples']])
    write_text(out, json.dumps(dict(key=key, complexity=asdict(measure_complexity(model, batch)))))
