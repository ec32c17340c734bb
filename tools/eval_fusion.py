"""Scores fused images as the literature does.

    python tools/eval_fusion.py --vi VISIBLE --ir INFRARED --fused FUSED --protocol vifb --out scores.csv

The three folders hold images of the same names (extensions may differ); NAME_panel and other parts that tools/fuse.py
writes beside NAME are left out. `vifb` are the 13 metrics of the VIFB benchmark, `gray` the 12 that most papers print,
`extra` MEF-SSIM, MS-SSIM and FMI, `all` everything.
"""

import argparse
import sys
from pathlib import Path

from mmdefusion.datasets.stems import match_stems
from mmdefusion.evaluation.functional import PROTOCOLS, lower_is_better
from mmdefusion.evaluation.score_files import score_files
from mmdefusion.evaluation.scores import mean_row, write_scores
from mmdefusion.utils.compat import installed
from mmdefusion.utils.files import make_writable
from mmdefusion.visualization import Table

PARTS = ('_common', '_unique_a', '_unique_b', '_panel')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--vi', required=True, metavar='DIR', help='visible images (or first exposures, first foci)')
    parser.add_argument('--ir', required=True, metavar='DIR', help='infrared images (or second ones)')
    parser.add_argument('--fused', required=True, metavar='DIR')
    parser.add_argument('--suffixes', nargs=3, default=('', '', ''), metavar='S', help='of the names, as in _A _B ""')
    parser.add_argument('--protocol', choices=list(PROTOCOLS), default='vifb')
    parser.add_argument('--lpips', action='store_true', help="also LPIPS (pip install 'mmdefusion[lpips]')")
    parser.add_argument('--out', type=Path, metavar='CSV', help='a row per image, and the mean')
    parser.add_argument('--workers', type=int, default=2, help='processes (default: 2)')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    if args.lpips and not installed('lpips'):
        raise SystemExit("--lpips needs the package lpips: pip install 'mmdefusion[lpips]'")
    try:
        if args.out:
            make_writable(args.out.parent)
            if args.out.is_dir():
                raise OSError(f'{args.out} is a folder: name a file.')
        matched = match_stems([args.vi, args.ir, args.fused], args.suffixes, ignored=PARTS)
        scores = score_files(list(matched.values()), args.protocol, args.workers, args.lpips)
    except (OSError, ValueError) as error:
        raise SystemExit(str(error)) from None
    rows = {name: row for name, row in zip(matched, scores, strict=True) if isinstance(row, dict)}
    errors = [row for row in scores if not isinstance(row, dict)]
    for error in errors:
        print(error, file=sys.stderr)
    if not rows:
        raise SystemExit('No image could be scored.')
    if args.out:
        write_scores(rows, args.out)
    means = mean_row(list(rows.values()))
    direction = [[name, '↓' if lower_is_better(name) else '↑', value] for name, value in means.items()]
    print(Table(['metric', 'better', 'mean'], direction, f'{len(rows)} images in {args.fused}', digits=4).text())
    if errors:
        raise SystemExit(f'{len(errors)} of {len(scores)} images could not be scored; the mean is of the others.')


if __name__ == '__main__':
    main()
