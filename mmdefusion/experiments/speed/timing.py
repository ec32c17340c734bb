"""Times several forms of one work in turn, so that what else the machine does falls on all of them alike."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Literal

import torch

from mmdefusion.utils.measuring import PeakMemory

Clock = Literal['wall', 'cpu']


@dataclass(frozen=True)
class Timing:
    """What one form of a work took.

    Attributes:
        seconds: median time of a run.
        spread: distance of the quartiles, as a share of the median.
        peak_bytes: the most memory of a run, on top of what was there before it (see :class:`PeakMemory`).
    """

    seconds: float
    spread: float
    peak_bytes: int


def read_clock(clock: Clock, device: torch.device) -> float:
    """Seconds, once everything asked of a GPU is done."""
    if device.type == 'cuda':
        torch.cuda.synchronize(device)
    return time.process_time() if clock == 'cpu' else time.perf_counter()


def time_in_turn(
    runs: Mapping[str, Callable[[], object]], repeats: int, device: torch.device, clock: Clock = 'wall'
) -> dict[str, Timing]:
    """Runs forms in turn; each must have run before, to be warm.

    Args:
        runs: functions by the names of the forms.
        repeats: rounds.
        device: where they run.
        clock: ``'wall'``; or ``'cpu'``, processor time of all threads, which on a busy machine means more: then set one
            thread.

    Returns:
        A timing for each form.
    """
    memory, peaks = PeakMemory(device), {}
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            memory.reset()
            held = memory.read()
            start = read_clock(clock, device)
            run()
            seconds[name].append(read_clock(clock, device) - start)
            peaks[name] = max(peaks.get(name, 0), memory.read() - held)
    return {name: Timing(median(found), _spread(found), peaks[name]) for name, found in seconds.items()}


def _spread(seconds: list[float]) -> float:
    if len(seconds) < 2:
        return 0.0
    low, _, high = quantiles(seconds, n=4, method='inclusive')
    return (high - low) / median(seconds)
