"""Trains and tests what a trial's folder holds: ``python -m mmdefusion.apis.run_trial FOLDER`` (see Trial.run)."""

import argparse
from pathlib import Path

from mmdefusion.apis.trial import train_and_test


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('folder', type=Path)
    parser.add_argument('--resume', action='store_true', help='from the latest checkpoint')
    parser.add_argument('--launcher', choices=('none', 'pytorch', 'slurm'), default='none')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help='set by the launcher')
    args = parser.parse_args()
    train_and_test(args.folder, args.resume, launcher=args.launcher)


if __name__ == '__main__':
    main()
