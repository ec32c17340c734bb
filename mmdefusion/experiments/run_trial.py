"""Trains and tests the trial in a folder: ``python -m mmdefusion.experiments.run_trial FOLDER``."""

import argparse
import os
from pathlib import Path

from mmdefusion.experiments.trial import train_and_test
from mmdefusion.utils.options import interrupted_in_a_line


def slurm_port() -> int:
    """A port for each job step: MMEngine uses the same port for all, and steps may share a machine."""
    job, step = (int(os.environ.get(f'SLURM_{name}_ID', 0)) for name in ('JOB', 'STEP'))
    return 20000 + (31 * job + step) % 20000


@interrupted_in_a_line()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('folder', type=Path, help='folder of the trial')
    parser.add_argument('--resume', action='store_true', help='from the latest checkpoint')
    parser.add_argument(
        '--launcher',
        choices=('none', 'pytorch', 'slurm'),
        default='none',
        help='launcher of several processes (default: none)',
    )
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help='set by the launcher')
    args = parser.parse_args()
    if args.launcher == 'slurm':
        os.environ.setdefault('MASTER_PORT', str(slurm_port()))
    train_and_test(args.folder, args.resume, launcher=args.launcher)


if __name__ == '__main__':
    main()
