"""Measures the time and the peak memory of a function."""

import ctypes
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch


@dataclass(frozen=True)
class Measurement:
    """Time and memory of one run.

    Attributes:
        seconds: median time of a run.
        cpu_seconds: median of the processor time of all threads for a run, which other processes do not prolong.
        peak_bytes: on a CPU the peak of the whole process, weights and libraries included; on a GPU what torch
            allocated.
    """

    seconds: float
    cpu_seconds: float
    peak_bytes: int


class PeakMemory:
    """Peak memory in bytes since the last reset; on a CPU that of the whole process (Linux only)."""

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def reset(self) -> None:
        """Starts a new measurement."""
        if self.device.type == 'cuda':
            torch.cuda.reset_peak_memory_stats(self.device)
        else:
            ctypes.CDLL(None).malloc_trim(0)  # returns what the last measurement freed to the system
            Path('/proc/self/clear_refs').write_text('5')  # resets VmHWM

    def read(self) -> int:
        """The peak, in bytes."""
        if self.device.type == 'cuda':
            return torch.cuda.max_memory_allocated(self.device)
        line = next(line for line in Path('/proc/self/status').read_text().splitlines() if line.startswith('VmHWM'))
        return int(line.split()[1]) * 1024


def measure(run: Callable[[], object], repeats: int, device: torch.device) -> Measurement:
    """Measures the median times and the peak memory of ``repeats`` runs, after one run to warm up."""
    memory, times = PeakMemory(device), []
    run()
    if device.type == 'cuda':
        torch.cuda.synchronize(device)  # or the first run would wait for what is left of this one
    memory.reset()
    for _ in range(repeats):
        start = time.perf_counter(), time.process_time()
        run()
        if device.type == 'cuda':
            torch.cuda.synchronize(device)
        times.append((time.perf_counter() - start[0], time.process_time() - start[1]))
    medians = (sorted(column)[len(times) // 2] for column in zip(*times, strict=True))
    return Measurement(*medians, memory.read())
