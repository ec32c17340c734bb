"""Trains and tests the trial in a folder: ``python -m mmdefusion.experiments.run_trial FOLDER``."""

import argparse
from pathlib import Path

from mmdefusion.experiments.trial import train_and_test
from mmdefusion.utils.options import interrupted_in_a_line


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
    train_and_test(args.folder, args.resume, launcher=args.launcher)


if __name__ == '__main__':
    main()
