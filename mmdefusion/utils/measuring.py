"""Time and memory of what a process does."""

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
        seconds: median.
        peak_bytes: on a CPU of the whole process, weights and libraries included; on a GPU what torch held there.
    """

    seconds: float
    peak_bytes: int


class PeakMemory:
    """Peak memory since the last reset, in bytes; on a CPU it is the process's (Linux only)."""

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def reset(self) -> None:
        """Forget what was before."""
        if self.device.type == 'cuda':
            torch.cuda.reset_peak_memory_stats(self.device)
        else:
            ctypes.CDLL(None).malloc_trim(0)  # hand back what the last measurement freed
            Path('/proc/self/clear_refs').write_text('5')  # the kernel's way to reset VmHWM

    def read(self) -> int:
        """The peak, in bytes."""
        if self.device.type == 'cuda':
            return torch.cuda.max_memory_allocated(self.device)
        line = next(line for line in Path('/proc/self/status').read_text().splitlines() if line.startswith('VmHWM'))
        return int(line.split()[1]) * 1024


def measure(run: Callable[[], object], repeats: int, device: torch.device) -> Measurement:
    """Median time of ``repeats`` runs after one to warm up, and the peak memory of them."""
    memory, seconds = PeakMemory(device), []
    run()
    memory.reset()
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        if device.type == 'cuda':
            torch.cuda.synchronize(device)
        seconds.append(time.perf_counter() - start)
    return Measurement(sorted(seconds)[len(seconds) // 2], memory.read())
