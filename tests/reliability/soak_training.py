"""Small trainings of all three kinds for a given time: memory and open files must not grow.

    python tests/reliability/soak_training.py [pretraining detection segmentation] [--minutes 20]

Each task has the time to itself. It saves and deletes checkpoints all along, and its data loader's workers count, too.
Prints the slopes over the second half, and exits with 1 where one is above its bound.
"""

import argparse
import contextlib
import gc
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from runs import TASKS
from soak import FILES_A_STEP, Growth

import mmdefusion.datasets.registered
import mmdefusion.models.registered  # noqa: F401

# MMEngine keeps every value that it logs, up to a million of each: 16 bytes of some twenty scalars an iteration
BYTES_AN_ITERATION = 2048
READINGS = 200
ENDLESS = 10**7  # iterations
ENOUGH = 1000  # before that the allocator is not settled, and a slope says nothing


class WatchHook(Hook):
    """Reads memory and open files of the process and its workers at regular times, and ends the run after ``seconds``.

    Attributes:
        readings: iterations done, bytes resident, files open.
    """

    priority = 'VERY_LOW'  # behind what saves

    def __init__(self, seconds: float) -> None:
        self.seconds, self.readings = seconds, []

    def before_train(self, runner: Any) -> None:
        """Start the clock."""
        self.start = time.monotonic()

    def after_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Read, if it is time."""
        passed = time.monotonic() - self.start
        if passed >= self.seconds * (len(self.readings) + 1) / READINGS:
            gc.collect()
            processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
            memory = sum(process.memory_info().rss for process in processes)
            self.readings.append((runner.iter + 1, memory, sum(process.num_fds() for process in processes)))
        if passed >= self.seconds:
            runner.train_loop.stop_training = True


def train(task: str, root: Path, seconds: float) -> Growth:
    """Trains for so long, as kill_and_resume.py does."""
    _, config = TASKS[task](root, root / 'run', ENDLESS)
    config.param_scheduler = None
    config.default_hooks.checkpoint.update(interval=100, max_keep_ckpts=2)
    watch = WatchHook(seconds)
    runner = Runner.from_cfg(config)
    runner.register_hook(watch)
    runner.train()
    return Growth.of(watch.readings)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('tasks', nargs='*', help=f'default: {" ".join(TASKS)}')
    parser.add_argument('--minutes', type=float, default=20, help='for each task (default: 20)')
    args = parser.parse_args()
    torch.set_num_threads(1)
    leaking, undecided = [], []
    for task in args.tasks or TASKS:
        with tempfile.TemporaryDirectory() as root:
            log = Path(root) / 'log'
            with log.open('w') as file, contextlib.redirect_stdout(file), contextlib.redirect_stderr(file):
                growth = train(task, Path(root), 60 * args.minutes)
        print(f'{task}, {args.minutes:g} minutes, {growth.words("iteration")}', flush=True)
        if not growth.flat(BYTES_AN_ITERATION):
            (leaking if growth.steps >= ENOUGH else undecided).append(task)
    if undecided:
        print(f'Too few iterations to say: {", ".join(undecided)} (the slope counts from {ENOUGH} on; give --minutes).')
    if leaking or undecided:
        allowed = f'{BYTES_AN_ITERATION} bytes and {FILES_A_STEP} files an iteration'
        raise SystemExit(f'Not flat: {", ".join(leaking + undecided)} ({allowed} are allowed).')


if __name__ == '__main__':
    main()
