"""Scores fused images as the literature does.

    python tools/eval_fusion.py --vi VISIBLE --ir INFRARED --fused FUSED --protocol vifb --out scores.csv

The three folders hold images of the same names (extensions may differ); NAME_panel and other outputs of tools/fuse.py
besides NAME are left out. `vifb` are the 13 metrics of the VIFB benchmark, `gray` the 12 that most papers report,
`extra` MEF-SSIM, MS-SSIM and FMI, `all` these three together. `targets` measures whether hot objects stand out and
whether skies are kept; with --boxes (a COCO file or a folder of VOC files) labelled objects are measured too.

Many images: --shard 1/4 to 4/4 score a quarter each, also on other machines, and --resume puts their files together:

    python tools/eval_fusion.py --vi VI --ir IR --fused FUSED --shard 1/4 --out 1.csv        # and so on
    python tools/eval_fusion.py --vi VI --ir IR --fused FUSED --out scores.csv --resume 1.csv 2.csv 3.csv 4.csv
"""

import argparse
import sys
from collections.abc import Mapping
from contextlib import closing
from math import isnan
from pathlib import Path
from typing import get_args

from mmdefusion.evaluation.functional import PROTOCOLS, lower_is_better
from mmdefusion.evaluation.functional.targets import summarise
from mmdefusion.evaluation.labelled_targets import Boxes, check_names, measure_targets, read_boxes
from mmdefusion.evaluation.parallel_scoring import Triple, iterate_scores
from mmdefusion.evaluation.score_log import ScoreLog, unfinished_scores
from mmdefusion.inference.infrared import Polarity, tell_black_hot, warn_of_idle_range
from mmdefusion.inference.sources import Item
from mmdefusion.inference.stems import match_stems
from mmdefusion.rules.options import Task
from mmdefusion.utils.files import make_writable
from mmdefusion.utils.image_io import FULL, FixedRange, check_scaling
from mmdefusion.utils.names import shown
from mmdefusion.utils.options import interrupted_in_a_line, warn_in_a_line
from mmdefusion.utils.shards import take_shard
from mmdefusion.visualization import Table

PARTS = ('_common', '_unique_a', '_unique_b', '_share', '_panel')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--vi', required=True, metavar='DIR', help='visible images (or first exposures, first foci)')
    parser.add_argument('--ir', required=True, metavar='DIR', help='infrared images (or second ones)')
    parser.add_argument('--fused', required=True, metavar='DIR', help='fused images of the same names')
    parser.add_argument(
        '--suffixes', nargs=3, default=('', '', ''), metavar='S', help='endings of the names, as in _A _B ""'
    )
    parser.add_argument(
        '--protocol', choices=list(PROTOCOLS), default='vifb', help='metrics of which benchmark (default: vifb)'
    )
    parser.add_argument(
        '--task', choices=get_args(Task), default='ivf', help='what was fused, as of fuse.py (default: %(default)s)'
    )
    parser.add_argument(
        '--thermal-range',
        nargs=2,
        type=float,
        metavar=('LOW', 'HIGH'),
        help='counts of 16-bit infrared images that become black and white, as of fuse.py (default: percentiles)',
    )
    parser.add_argument(
        '--polarity',
        choices=get_args(Polarity),
        default='auto',
        help='whether hot is bright or dark in infrared images, as of fuse.py (default: guessed, with a warning if it '
        'is dark)',
    )
    parser.add_argument(
        '--resize', action='store_true', help='resize second images to the size of the first, as fuse.py --resize does'
    )
    parser.add_argument(
        '--boxes',
        type=Path,
        metavar='FILE',
        help='boxes of objects to measure: a COCO file or a folder of VOC XML files',
    )
    parser.add_argument('--out', type=Path, metavar='CSV', help='CSV file with a row per image, and the mean')
    parser.add_argument('--workers', type=int, default=2, help='processes (default: 2)')
    parser.add_argument('--shard', metavar='I/N', help='score every N-th image from the I-th on')
    parser.add_argument(
        '--resume',
        nargs='*',
        type=Path,
        metavar='CSV',
        help='keep the scores in these files, in that of --out, and of a run that was stopped; score the rest',
    )
    args = parser.parse_args()
    if args.thermal_range and args.task != 'ivf':
        parser.error('--thermal-range is for infrared images, --task ivf.')
    if args.polarity != 'auto' and args.task != 'ivf':
        parser.error('--polarity is for infrared images, --task ivf.')
    return args


def reading(args: argparse.Namespace, matched: Mapping[str, Triple]) -> dict[str, FixedRange | bool | None]:
    """How second images are read: as the fuser does, which tells the polarity of infrared ones by the whole series.

    Raises:
        ValueError: if the range of infrared images is none.
    """
    check_scaling((1.0, 99.0), args.thermal_range)
    if args.task != 'ivf':
        return dict(second=FULL, black_hot=None, resize=args.resize)
    items = [Item(name, paths[:2]) for name, paths in matched.items()]
    warn_of_idle_range(items, args.thermal_range)
    black_hot = tell_black_hot(items, args.polarity, args.thermal_range)
    return dict(second=args.thermal_range, black_hot=black_hot, resize=args.resize)


def earlier_files(args: argparse.Namespace) -> list[Path]:
    """The files with scores that earlier runs have left."""
    if args.resume is None:
        return []
    if not args.resume and not args.out:
        raise ValueError('--resume reads the file of --out, or files that you name: give either.')
    kept = [args.out, unfinished_scores(args.out)] if args.out else []
    return [*args.resume, *(path for path in kept if path.exists())]


def score(triples: Mapping[str, Triple], log: ScoreLog, args: argparse.Namespace, options: dict) -> int:
    """Scores all images that are not in the log yet; names those that cannot be scored, and returns their number."""
    missing, failed = [name for name in log.names if name not in log], 0
    if missing:
        wanted = map(triples.__getitem__, missing)
        scores = iterate_scores(wanted, len(missing), args.protocol, args.workers, **options)
        for name, row in zip(missing, scores, strict=True):
            if isinstance(row, dict):
                log.add(name, row)
            else:
                failed += 1
                print(shown(row), file=sys.stderr, flush=True)
    return failed


def tabulate_targets(triples: Mapping[str, Triple], boxes: Boxes, options: dict) -> Table:
    """Makes the table of labelled objects, by class."""
    found = measure_targets(triples, boxes, **options)
    if len(found) > 1:
        found['all'] = [one for objects in found.values() for one in objects]
    rows = []
    for label, objects in found.items():
        values = summarise(objects)
        rows.append([label, str(len(objects)), *(None if isnan(value) else value for value in values.values())])
    kept = 'contrast kept', 'lost', 'of it reversed', 'contrast to noise kept', "of the infrared image's"
    caption = 'Contrast of labelled objects with their surroundings, relative to the better source: medians.'
    return Table(['objects', 'count', *kept], rows, caption, digits=3)


@interrupted_in_a_line()
def main() -> None:
    args = parse_args()
    warn_in_a_line()
    try:
        if args.out:
            make_writable(args.out.parent)
            if args.out.is_dir():
                raise OSError(f'{args.out} is a folder: name a file.')
        matched = match_stems([args.vi, args.ir, args.fused], args.suffixes, ignored=PARTS)
        names = take_shard(list(matched), args.shard)
        boxes = {}
        if args.boxes:
            boxes = read_boxes(args.boxes, Path(args.vi), args.suffixes[0])
            check_names(boxes, matched)
        options = reading(args, matched)
        metrics = PROTOCOLS[args.protocol].metrics
        with closing(ScoreLog(names, metrics, args.out, earlier_files(args))) as log:
            if kept := sum(name in log for name in names):
                print(f'{kept} of {len(names)} scores are those of earlier files.', file=sys.stderr, flush=True)
            failed = score(matched, log, args, options)
            means, scored = log.finish(), [name for name in names if name in log]
    except (OSError, ValueError) as error:
        raise SystemExit(shown(error)) from None
    if not scored:
        raise SystemExit('No image could be scored.')
    direction = [
        [name, '↓' if lower_is_better(name) else '↑', None if isnan(value) else value] for name, value in means.items()
    ]
    print(Table(['metric', 'better', 'mean'], direction, f'{len(scored)} images in {args.fused}', digits=4).text())
    if boxes:
        try:
            print(f'\n{tabulate_targets({name: matched[name] for name in scored}, boxes, options).text()}')
        except ValueError as error:
            raise SystemExit(shown(error)) from None
    if failed:
        raise SystemExit(f'{failed} of {len(names)} images could not be scored; the mean is of the others.')


if __name__ == '__main__':
    main()
