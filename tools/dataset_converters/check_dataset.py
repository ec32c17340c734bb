"""Checks the data sets of a config and prints what is in them; the exit status is 1 if there is a fault.

python tools/dataset_converters/check_dataset.py CONFIG [--split train|val|test|all] [--pixels]
"""

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mmdefusion.utils.names import shown
from mmdefusion.utils.options import Settings, absent_in_a_line, interrupted_in_a_line, present_file

if TYPE_CHECKING:
    from mmdefusion.datasets.checks import SplitReport

SHOWN = 10
COLUMNS = ('split', 'data set', 'images', 'partners', '16-bit', 'boxes', 'label maps', 'missing', 'mismatched', 'sizes')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', type=present_file, help='config file of a detector, a segmenter or a pretrainer')
    parser.add_argument(
        '--split', choices=('train', 'val', 'test', 'all'), default='all', help='which data loader (default: all)'
    )
    parser.add_argument('--pixels', action='store_true', help='decode every image, not only the label maps')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=Settings,
        help='settings to override, e.g. train_dataloader.dataset.data_root=...',
    )
    return parser.parse_args()


def table(rows: Sequence[Sequence[object]]) -> str:
    """A table with left-aligned columns."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return '\n'.join('  '.join(map(str.ljust, row, widths)).rstrip() for row in cells)


def summary(report: 'SplitReport') -> tuple:
    """One row of the first table."""
    sizes = ', '.join(f'{width}x{height} ({count})' for (width, height), count in report.sizes.most_common(3))
    if len(report.sizes) > 3:
        sizes += f' and {len(report.sizes) - 3} more'
    boxes = f'{report.boxes} ({report.ignored_boxes} ignored)' if report.ignored_boxes else report.boxes
    missing, mismatched = len(report.missing), len(report.mismatched) + len(report.resized)
    counts = (report.images, report.partners, report.deep_partners, boxes, report.label_maps, missing, mismatched)
    return (report.split, report.dataset, *counts, sizes)


def format_reports(reports: 'Sequence[SplitReport]') -> str:
    """Formats the reports as tables, followed by the first lines of each kind of fault."""
    parts = [table([COLUMNS, *map(summary, reports)])]
    counted = [report for report in reports if report.classes]
    if counted:
        names = dict.fromkeys(name for report in counted for name in report.classes)
        unit = 'boxes' if any(report.boxes for report in counted) else 'pixels'
        rows = [[name, *(report.classes.get(name, '-') for report in counted)] for name in names]
        parts.append(table([[f'class ({unit})', *(report.split for report in counted)], *rows]))
    for report in reports:
        for kind, lines in {**report.troubles, **report.notes}.items():
            more = [f'and {len(lines) - SHOWN} more'] if len(lines) > SHOWN else []
            head = f'{report.split}: {len(lines)} {kind}'
            parts.append('\n  '.join([head, *map(shown, lines[:SHOWN]), *more]))
    if not any(report.troubles for report in reports):
        made_up = sum(len(report.made_up) for report in reports)
        parts.append(f'All files are there but {made_up} partners.' if made_up else 'All files are there.')
    return '\n\n'.join(parts)


@interrupted_in_a_line()
@absent_in_a_line()
def main() -> int:
    args = parse_args()
    from mmengine.config import Config

    from mmdefusion.datasets.checks import SPLITS, check_config

    cfg = Config.fromfile(args.config)
    if args.cfg_options:
        cfg.merge_from_dict(args.cfg_options)
    try:
        reports = check_config(cfg, SPLITS if args.split == 'all' else (args.split,), args.pixels)
    except ValueError as error:
        sys.exit(shown(error))
    print(format_reports(reports))
    return 1 if any(report.troubles for report in reports) else 0


if __name__ == '__main__':
    sys.exit(main())
