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
from collections.abc import Collection, Mapping
from math import isnan
from pathlib import Path

from mmdefusion.datasets.stems import match_stems
from mmdefusion.evaluation.functional import PROTOCOLS, lower_is_better
from mmdefusion.evaluation.functional.targets import summarise
from mmdefusion.evaluation.labelled_targets import Boxes, measure_targets, read_boxes
from mmdefusion.evaluation.score_files import Triple, iterate_scores
from mmdefusion.evaluation.scores import Row, UnfinishedScores, mean_row, read_scores, write_scores
from mmdefusion.utils.files import make_writable
from mmdefusion.utils.shards import take_shard
from mmdefusion.visualization import Table

PARTS = ('_common', '_unique_a', '_unique_b', '_share', '_panel')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--vi', required=True, metavar='DIR', help='visible images (or first exposures, first foci)')
    parser.add_argument('--ir', required=True, metavar='DIR', help='infrared images (or second ones)')
    parser.add_argument('--fused', required=True, metavar='DIR')
    parser.add_argument(
        '--suffixes', nargs=3, default=('', '', ''), metavar='S', help='endings of the names, as in _A _B ""'
    )
    parser.add_argument('--protocol', choices=list(PROTOCOLS), default='vifb')
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
    return parser.parse_args()


def read_known(args: argparse.Namespace) -> dict[str, Row]:
    """The scores that earlier runs have left."""
    if args.resume is None:
        return {}
    if not args.resume and not args.out:
        raise ValueError('--resume reads the file of --out, or files that you name: give either.')
    kept = [args.out, UnfinishedScores(args.out).path] if args.out else []
    metrics = PROTOCOLS[args.protocol].metrics
    files = [*args.resume, *(path for path in kept if path.exists())]
    return {name: row for path in files for name, row in read_scores(path, metrics).items()}


def score(
    triples: Mapping[str, Triple], known: Mapping[str, Row], args: argparse.Namespace
) -> tuple[dict[str, Row], list[ValueError]]:
    """The scores of all images that could be scored, in order, and the errors of the others.

    Each row is written as soon as it is there, so that a run that is stopped can be resumed.
    """
    found, errors = {name: row for name, row in known.items() if name in triples}, []
    unfinished = UnfinishedScores(args.out) if args.out else None
    if unfinished:
        unfinished.remove()
        unfinished.add(found)
    missing = [name for name in triples if name not in found]
    if missing:
        scores = iterate_scores([triples[name] for name in missing], args.protocol, args.workers)
        for name, row in zip(missing, scores, strict=True):
            if not isinstance(row, dict):
                errors.append(row)
                continue
            found[name] = row
            if unfinished:
                unfinished.add({name: row})
    rows = {name: found[name] for name in triples if name in found}
    if unfinished:
        if rows:
            write_scores(rows, args.out)
        unfinished.remove()
    return rows, errors


def tabulate_targets(triples: Mapping[str, Triple], scored: Collection[str], boxes: Boxes) -> Table:
    """Makes the table of labelled objects, by class, over the images that could be scored."""
    found = measure_targets({name: paths for name, paths in triples.items() if name in scored}, boxes)
    if len(found) > 1:
        found['all'] = [one for objects in found.values() for one in objects]
    rows = []
    for label, objects in found.items():
        values = summarise(objects)
        rows.append([label, str(len(objects)), *(None if isnan(value) else value for value in values.values())])
    kept = 'contrast kept', 'lost', 'of it reversed', 'contrast to noise kept', "of the infrared image's"
    caption = 'Contrast of labelled objects with their surroundings, relative to the better source: medians.'
    return Table(['objects', 'count', *kept], rows, caption, digits=3)


def main() -> None:
    args = parse_args()
    try:
        if args.out:
            make_writable(args.out.parent)
            if args.out.is_dir():
                raise OSError(f'{args.out} is a folder: name a file.')
        matched = match_stems([args.vi, args.ir, args.fused], args.suffixes, ignored=PARTS)
        matched = {name: matched[name] for name in take_shard(list(matched), args.shard)}
        boxes = read_boxes(args.boxes, Path(args.vi)) if args.boxes else {}
        rows, errors = score(matched, read_known(args), args)
    except (OSError, ValueError) as error:
        raise SystemExit(str(error)) from None
    for error in errors:
        print(error, file=sys.stderr)
    if not rows:
        raise SystemExit('No image could be scored.')
    means = mean_row(list(rows.values()))
    direction = [
        [name, '↓' if lower_is_better(name) else '↑', None if isnan(value) else value] for name, value in means.items()
    ]
    print(Table(['metric', 'better', 'mean'], direction, f'{len(rows)} images in {args.fused}', digits=4).text())
    if args.boxes:
        print(f'\n{tabulate_targets(matched, rows, boxes).text()}')
    if errors:
        raise SystemExit(f'{len(errors)} of {len(matched)} images could not be scored; the mean is of the others.')


if __name__ == '__main__':
    main()
