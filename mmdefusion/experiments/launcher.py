"""How a training gets its processes."""

import os
import shlex
import shutil
import sys
from dataclasses import dataclass

KINDS = ('none', 'pytorch', 'slurm')


@dataclass(frozen=True)
class Launcher:
    """One process, several of this machine (torchrun), or a Slurm job.

    Attributes:
        kind: one of ``KINDS``.
        processes: one for each GPU; without GPUs, CPU processes.
        partition: Slurm's; None: its default one. ``SRUN_ARGS`` and ``CPUS_PER_TASK`` of the environment count as
            in ``tools/slurm_train.sh``.

    Raises:
        ValueError: if several processes are wanted without a launcher, or Slurm is not there.
    """

    kind: str = 'none'
    processes: int = 1
    partition: str | None = None

    def __post_init__(self) -> None:
        if self.kind == 'none' and self.processes > 1:
            raise ValueError(f'{self.processes} processes need a launcher: pytorch or slurm.')
        if self.kind == 'slurm' and shutil.which('srun') is None:
            raise ValueError('There is no srun here: start this on a machine of the Slurm cluster.')

    def command(self, job: str, module: str, *arguments: object) -> list[str]:
        """What runs ``python -m module arguments`` in all processes; the job's name is for Slurm."""
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
