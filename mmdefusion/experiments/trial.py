"""A training with its test, which is done once: the unit of comparisons."""

import contextlib
import hashlib
import json
import logging
import subprocess
import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.registry import RUNNERS
from mmengine.runner import Runner

from mmdefusion.engine import resume_latest, use_safe_checkpoints
from mmdefusion.utils.distributed import let_processes_talk
from mmdefusion.utils.files import write_text
from mmdefusion.utils.kept import read_kept
from mmdefusion.version import __version__

from .launcher import Launcher
from .logs import find_error


@dataclass(frozen=True)
class Trial:
    """A config that is trained and then tested in its own folder.

    A finished trial is not repeated, and an interrupted one resumes from its latest checkpoint, as long as nothing has
    changed that affects the result. What another trial left in the folder is moved aside, never deleted.

    Attributes:
        config: the whole config, as Python source.
        folder: folder of everything that the trial writes; ``work_dir`` of the config.
        basis: a description of everything else that affects the result, such as how the data were generated.
        settings: what of the config affects the result; '' stands for all of it.
    """

    config: str
    folder: Path
    basis: str = ''
    settings: str = ''

    @classmethod
    def of(cls, config: Config, folder: Path, basis: str = '', work_dir: Path | None = None) -> 'Trial':
        """Makes a trial of a loaded config.

        Args:
            config: the whole config; its ``work_dir`` is set.
            folder, basis: see :class:`Trial`.
            work_dir: the folder of all trials that are compared. How its name is spelled affects nothing.
        """
        config.work_dir = str(folder)
        return cls(config.pretty_text, folder, basis, _settings(config, work_dir or folder))

    @property
    def key(self) -> str:
        """A digest of everything that affects the result."""
        return hashlib.sha256('\n'.join([__version__, self.settings or self.config, self.basis]).encode()).hexdigest()

    @property
    def log(self) -> Path:
        """The file with the output of the runner."""
        return self.folder / 'output.log'

    def done(self) -> bool:
        """Whether this trial, with this config and basis, is finished."""
        kept = self._kept_metrics()
        return kept is not None and kept['key'] == self.key

    def metrics(self) -> dict[str, float]:
        """The scores of the test after the last iteration.

        Raises:
            ValueError: if the trial has no scores.
        """
        kept = self._kept_metrics()
        if kept is None:
            raise ValueError(f'{self.folder / "metrics.json"} holds no scores: run the trial again.')
        return kept['metrics']

    def _kept_metrics(self) -> dict[str, Any] | None:
        kept = read_kept(self.folder / 'metrics.json', key=str, metrics=dict)
        numbers = kept is not None and all(isinstance(value, int | float) for value in kept['metrics'].values())
        return kept if numbers else None

    def execute(self, hooks: Iterable[Hook] = ()) -> None:
        """Trains and tests in this process; the output goes to :attr:`log`.

        Raises:
            SystemExit: if the trial fails; the log ends with the error.
        """
        resume = self._prepare()
        with self.log.open('a') as log, contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
            try:
                train_and_test(self.folder, resume, hooks)
            except Exception:
                traceback.print_exc()
                raise SystemExit(1) from None

    def run(self, launcher: Launcher | None = None) -> None:
        """Trains and tests in separate processes, so that trials do not affect each other.

        Args:
            launcher: launcher of several processes; None for one process.

        Raises:
            RuntimeError: if the trial fails; the message gives the error and names the log.
        """
        resume = ['--resume'] if self._prepare() else []
        module = 'mmdefusion.experiments.run_trial'
        command = (launcher or Launcher()).command(self.folder.name, module, self.folder, *resume)
        with self.log.open('a') as log:
            status = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT).returncode
        if status:
            raise RuntimeError(f'{self.folder.name} failed: {find_error(self.log, status)} (log: {self.log}).')

    def _prepare(self) -> bool:
        """Prepares the folder, and returns whether there is an interrupted training of this trial to resume."""
        self.folder.mkdir(parents=True, exist_ok=True)
        started = self.folder / 'started.json'
        resume = _read_key(started) == self.key
        if not resume and started.is_file():  # files of another trial must not be taken for those of this one
            aside = self.folder.with_name(f'{self.folder.name}.before-{datetime.now():%Y%m%d-%H%M%S-%f}')
            self.folder.rename(aside)
            print_log(
                f'{self.folder} held a trial with other settings, or of another version: moved to {aside}.',
                'current',
                logging.WARNING,
            )
            self.folder.mkdir()
        _write_json(started, dict(key=self.key))
        write_text(self.folder / 'config.py', self.config)
        return resume


def train_and_test(folder: Path, resume: bool, hooks: Iterable[Hook] = (), launcher: str = 'none') -> None:
    """Trains with ``folder/config.py``, tests after the last iteration and writes ``folder/metrics.json``.

    Args:
        folder: folder of a trial that was started.
        resume: whether to resume from the latest checkpoint, if there is one.
        hooks: further hooks.
        launcher: the launcher that started this process: 'pytorch', 'slurm', or 'none'.
    """
    config = Config.fromfile(folder / 'config.py')
    config.launcher = launcher
    use_safe_checkpoints(config)
    if resume and any(folder.glob('*.pth')):
        resume_latest(config)
    let_processes_talk(config)
    runner = RUNNERS.build(config) if 'runner_type' in config else Runner.from_cfg(config)
    for hook in hooks:
        runner.register_hook(hook)
    runner.train()
    metrics = {name: float(value) for name, value in runner.test().items()}
    if is_main_process():
        _write_json(folder / 'metrics.json', dict(key=_read_key(folder / 'started.json'), metrics=metrics))


def _settings(config: Config, work_dir: Path) -> str:
    """A config as text, wherever its files are written and however often checkpoints are."""
    settings = _moved(config.to_dict(), str(work_dir))
    ((settings.get('default_hooks') or {}).get('checkpoint') or {}).pop('interval', None)
    return repr(settings)


def _moved(value: Any, folder: str) -> Any:
    """Settings with a word in place of a folder."""
    if isinstance(value, str) and (value == folder or value.startswith(f'{folder}/')):
        return f'WORK_DIR{value[len(folder) :]}'
    if isinstance(value, dict):
        return {key: _moved(inner, folder) for key, inner in value.items()}
    return type(value)(_moved(inner, folder) for inner in value) if isinstance(value, list | tuple) else value


def _read_key(path: Path) -> str | None:
    kept = read_kept(path, key=str)
    return None if kept is None else kept['key']


def _write_json(path: Path, content: dict) -> None:
    write_text(path, json.dumps(content, indent=1))
