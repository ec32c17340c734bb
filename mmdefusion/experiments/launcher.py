"""Starts the processes of a training."""

import os
import shlex
import shutil
import sys
from dataclasses import dataclass

KINDS = ('none', 'pytorch', 'slurm')


@dataclass(frozen=True)
class Launcher:
    """One process, several processes on this machine (torchrun), or a Slurm job.

    Attributes:
        kind: one of ``KINDS``.
        processes: number of processes, one for each GPU, or CPU processes.
        partition: partition of Slurm; None for the default. The environment variables ``SRUN_ARGS`` and
            ``CPUS_PER_TASK`` are used as in ``tools/slurm_train.sh``.

    Raises:
        ValueError: if there is no such launcher, several processes have none, or Slurm is not installed.
    """

    kind: str = 'none'
    processes: int = 1
    partition: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f'{self.kind!r} is no launcher; there are {", ".join(KINDS)}.')
        if self.processes < 1:
            raise ValueError(f'processes={self.processes} must be at least 1.')
        if self.kind == 'none' and self.processes > 1:
            raise ValueError(f'{self.processes} processes need a launcher: pytorch or slurm.')
        if self.kind == 'slurm' and shutil.which('srun') is None:
            raise ValueError('There is no srun here: start this on a machine of the Slurm cluster.')

    def command(self, job: str, module: str, *arguments: object) -> list[str]:
        """The command that runs ``python -m module arguments`` in all processes; ``job`` is the name for Slurm."""
        called = ['-m', module, *map(str, arguments), '--launcher', self.kind]
        if self.kind == 'pytorch':  # standalone: a free port for each job
            return [
                *(sys.executable, '-m', 'torch.distributed.run', '--standalone'),
                *(f'--nproc_per_node={self.processes}', *called),
            ]
        if self.kind == 'slurm':
            return [
                *('srun', *([f'--partition={self.partition}'] if self.partition else []), f'--job-name={job}'),
                *(f'--gres=gpu:{self.processes}', f'--ntasks={self.processes}', f'--ntasks-per-node={self.processes}'),
                *(f'--cpus-per-task={os.environ.get("CPUS_PER_TASK", 5)}', '--kill-on-bad-exit=1'),
                *shlex.split(os.environ.get('SRUN_ARGS', '')),
                *(sys.executable, '-u', *called),
            ]
        return [sys.executable, '-u', *called]
