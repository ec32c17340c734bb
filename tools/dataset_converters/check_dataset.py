"""Prints what the data sets of a config hold and what they lack; exit status 1 if anything is amiss.

python tools/dataset_converters/check_dataset.py CONFIG [--split train|val|test|all] [--pixels]
"""

import argparse
import sys

from mmengine.config import Config, DictAction

from mmdefusion.datasets.checks import SPLITS, check_config, format_reports


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Check the data sets of a config')
    parser.add_argument('config', help='config file of a detector, a segmenter or a pretrainer')
    parser.add_argument('--split', choices=(*SPLITS, 'all'), default='all', help='which data loader (all)')
    parser.add_argument('--pixels', action='store_true', help='decode every image and count the classes of label maps')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, help='settings to override, e.g. data_root=...')
    return parser.parse_args()


def main() -> int:
    args = parse_args()
    cfg = Config.fromfile(args.config)
    if args.cfg_options:
        cfg.merge_from_dict(args.cfg_options)
    reports = check_config(cfg, SPLITS if args.split == 'all' else (args.split,), args.pixels)
    print(format_reports(reports))
    return 1 if any(report.troubles for report in reports) else 0


if __name__ == '__main__':
    sys.exit(main())
