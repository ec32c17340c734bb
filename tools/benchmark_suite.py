"""Runs the project's own benchmark (`make benchmark`): several tables of models with light heads.

    python tools/benchmark_suite.py --work-dir work_dirs/benchmark
    python tools/benchmark_suite.py --tables msrs,msrs-minutes --seeds 3 --publish docs/benchmark

Real pairs are read from data/sample (docs/datasets.md, "Samples"); tables whose data are missing are left out. The
scenes are written to data/scenes. One seed of every table comes before the second of any; what is finished is not
repeated, and an interrupted run goes on. --publish copies the reports and their plots, each table in a folder, and of
generated scenes the pictures too.
"""

import argparse
from functools import partial
from pathlib import Path

from mmdefusion.utils.names import shown
from mmdefusion.utils.options import interrupted_in_a_line


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        '--tables',
        type=lambda text: text.split(','),
        help='a,b,c (default: msrs,scenes,trees, all with equal iterations; others are flir, and msrs-minutes, '
        'scenes-minutes, trees-minutes with equal time)',
    )
    parser.add_argument('--seeds', type=int, default=1, help='number of trainings of each model (default: 1)')
    parser.add_argument(
        '--work-dir',
        type=Path,
        default=Path('work_dirs/benchmark'),
        help='folder of the trainings and the reports (default: %(default)s)',
    )
    parser.add_argument('--publish', type=Path, metavar='FOLDER', help='copy the reports there')
    args = parser.parse_args()
    if args.seeds < 1:
        parser.error('--seeds is 1 or more.')
    return args


@interrupted_in_a_line('the same command goes on from here')
def main() -> None:
    args = parse_args()
    from mmdefusion.experiments.benchmark.suite import FIRST, run_suite

    try:
        found = run_suite(args.work_dir, args.tables or FIRST, args.seeds, args.publish, partial(print, flush=True))
    except (OSError, RuntimeError, ValueError) as error:
        raise SystemExit(shown(error)) from None
    for name, result in found.items():
        if result.scores:
            print(f'{name}\n{result.scores.text()}')
        print(f'written: {result.report}')
    if failed := [f'{model} ({name})' for name, result in found.items() for model in result.failed]:
        raise SystemExit(f'failed: {", ".join(failed)}')


if __name__ == '__main__':
    main()
