"""Runs trials in parallel lanes, one after another in each lane, and prints progress every 15 seconds.

Small networks use two cores better as two processes of one thread than as one process of two threads.
"""

import contextlib
import multiprocessing
import os
import queue
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner

from .trial import Trial

REPORTED = 5  # iterations between two messages of a training


@dataclass(frozen=True)
class Run:
    """A trial in a lane.

    Attributes:
        name: name in messages.
        trial: the trial.
        iterations: iterations of the training.
        cost: cost of an iteration, relative to the other runs.
    """

    name: str
    trial: Trial
    iterations: int
    cost: float = 1.0


class ReportingHook(Hook):
    """Reports the progress of a training to another process."""

    def __init__(self, name: str, progress: multiprocessing.Queue) -> None:
        self.name, self.progress = name, progress

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        if (batch_idx + 1) % REPORTED == 0:
            self.progress.put((self.name, batch_idx + 1))


def run_lanes(lanes: Sequence[Sequence[Run]]) -> None:
    """Runs all trials that are not finished.

    Raises:
        SystemExit: if a run fails; the message names its log.
    """
    for run in (run for lane in lanes for run in lane if run.trial.done()):
        print(f'{run.name}: done before, in {run.trial.folder}', flush=True)
    lanes = [[run for run in lane if not run.trial.done()] for lane in lanes]
    lanes = [lane for lane in lanes if lane]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1
    os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')  # threads that spin while they wait slow other processes down
    context = multiprocessing.get_context('spawn')  # torch's threads do not survive a fork
    progress = context.Queue()
    threads = max(1, min(4, cores // max(1, len(lanes))))
    workers = [context.Process(target=_execute, args=(lane, threads, progress), daemon=True) for lane in lanes]
    for worker in workers:
        worker.start()
    _watch(lanes, workers, progress)
    for lane, worker in zip(lanes, workers, strict=True):
        if worker.exitcode:
            failed = next(run for run in lane if not run.trial.done())
            raise SystemExit(f'The run {failed.name} failed: its error is at the end of {failed.trial.log}')


def clock(seconds: float) -> str:
    """Minutes and seconds, such as '5:09'."""
    return f'{int(seconds) // 60}:{int(seconds) % 60:02d}'


def _execute(lane: Sequence[Run], threads: int, progress: multiprocessing.Queue) -> None:
    torch.set_num_threads(threads)
    cv2.setNumThreads(1)
    for run in lane:
        run.trial.execute([ReportingHook(run.name, progress)])


def _watch(lanes: Sequence[Sequence[Run]], workers: list, progress: multiprocessing.Queue, every: float = 15) -> None:
    """Prints the progress of the runs and the estimated remaining time until all processes have ended."""
    start = shown = time.monotonic()
    steps = {run.name: 0 for lane in lanes for run in lane}
    while any(worker.is_alive() for worker in workers):
        with contextlib.suppress(queue.Empty):
            name, step = progress.get(timeout=1)
            steps[name] = step
        if time.monotonic() - shown < every:
            continue
        shown = time.monotonic()
        remaining = [_remaining(lane, steps, shown - start) for lane in lanes]
        left = 'starting' if None in remaining else f'about {clock(max(remaining))} left'
        parts = [f'{run.name} {steps[run.name]}/{run.iterations}' for lane in lanes for run in lane if steps[run.name]]
        print(f'[{clock(shown - start)}, {left}]  {", ".join(parts)}', flush=True)


def _remaining(lane: Sequence[Run], steps: dict[str, int], elapsed: float) -> float | None:
    total = sum(run.cost * run.iterations for run in lane)
    done = sum(run.cost * steps[run.name] for run in lane)
    return elapsed * (total - done) / done if done else None
