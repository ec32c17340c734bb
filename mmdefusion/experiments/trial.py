"""One training with its test, done once: what comparisons are made of."""

import contextlib
import hashlib
import json
import shutil
import subprocess
import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.registry import RUNNERS
from mmengine.runner import Runner

from mmdefusion.engine import use_safe_checkpoints
from mmdefusion.utils.distributed import let_processes_talk
from mmdefusion.utils.files import write_text
from mmdefusion.version import __version__

from .launcher import Launcher
from .logs import find_error


@dataclass(frozen=True)
class Trial:
    """A config that is trained and then tested in a folder of its own.

    What is finished is not done again; what was interrupted goes on from its latest checkpoint. Both only as long as
    nothing that decides about the result has changed.

    Attributes:
        config: The whole configuration, as Python source.
        folder: Where everything of the trial is; the config's ``work_dir``.
        basis: Whatever else decides about the result, such as how the data were generated.
    """

    config: str
    folder: Path
    basis: str = ''

    @classmethod
    def of(cls, config: Config, folder: Path, basis: str = '') -> 'Trial':
        """A trial of a loaded config."""
        config.work_dir = str(folder)
        return cls(config.pretty_text, folder, basis)

    @property
    def key(self) -> str:
        """Changes with anything that changes the result."""
        return hashlib.sha256('\n'.join([__version__, self.config, self.basis]).encode()).hexdigest()

    @property
    def log(self) -> Path:
        """All that the runner prints."""
        return self.folder / 'output.log'

    def done(self) -> bool:
        """Whether this very trial is finished."""
        return _read_key(self.folder / 'metrics.json') == self.key

    def metrics(self) -> dict[str, float]:
        """Scores of the test, after the last iteration."""
        return json.loads((self.folder / 'metrics.json').read_text())['metrics']

    def execute(self, hooks: Iterable[Hook] = ()) -> None:
        """Trains and tests in this process; the output goes to :attr:`log`.

        Raises:
            SystemExit: if it fails; the log ends with the error.
        """
        resume = self._prepare()
        with self.log.open('a') as log, contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
            try:
                train_and_test(self.folder, resume, hooks)
            except Exception:
                traceback.print_exc()
                raise SystemExit(1) from None

    def run(self, launcher: Launcher | None = None) -> None:
        """Like :meth:`execute`, in processes of its own: nothing of one trial is left to the next.

        Args:
            launcher: of several processes; None: one.

        Raises:
            RuntimeError: if it fails; the message gives the error and names the log.
        """
        resume = ['--resume'] if self._prepare() else []
        module = 'mmdefusion.experiments.run_trial'
        command = (launcher or Launcher()).command(self.folder.name, module, self.folder, *resume)
        with self.log.open('a') as log:
            status = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT).returncode
        if status:
            raise RuntimeError(f'{self.folder.name} failed: {find_error(self.log, status)} (log: {self.log})')

    def _prepare(self) -> bool:
        """Writes what a training needs; returns whether there is one of this very trial to go on with."""
        self.folder.mkdir(parents=True, exist_ok=True)
        started = self.folder / 'started.json'
        resume = _read_key(started) == self.key
        if not resume and started.is_file():  # nothing of another trial may be taken for this one's
            shutil.rmtree(self.folder)
            self.folder.mkdir()
        _write_json(started, dict(key=self.key))
        write_text(self.folder / 'config.py', self.config)
        return resume


def train_and_test(folder: Path, resume: bool, hooks: Iterable[Hook] = (), launcher: str = 'none') -> None:
    """Trains by ``folder/config.py``, tests after the last iteration and writes ``folder/metrics.json``.

    Args:
        folder: of a trial that was begun.
        resume: go on from its latest checkpoint, if it has one.
        hooks: more of them.
        launcher: that started this process, with others: 'pytorch', 'slurm', or 'none'.
    """
    config = Config.fromfile(folder / 'config.py')
    config.launcher = launcher
    use_safe_checkpoints(config)
    if resume and any(folder.glob('*.pth')):
        config.resume, config.load_from = True, None
    let_processes_talk(config)
    runner = RUNNERS.build(config) if 'runner_type' in config else Runner.from_cfg(config)
    for hook in hooks:
        runner.register_hook(hook)
    runner.train()
    metrics = {name: float(value) for name, value in runner.test().items()}
    if is_main_process():
        _write_json(folder / 'metrics.json', dict(key=_read_key(folder / 'started.json'), metrics=metrics))


def _read_key(path: Path) -> str | None:
    try:
        return json.loads(path.read_text())['key']
    except (FileNotFoundError, KeyError, ValueError):  # not there, or cut off
        return None


def _write_json(path: Path, content: dict) -> None:
    write_text(path, json.dumps(content, indent=1))
