"""Scores fused images as the literature does.

    python tools/eval_fusion.py --vi VISIBLE --ir INFRARED --fused FUSED --protocol vifb --out scores.csv

The three folders hold images of the same names (extensions may differ). `vifb` are the 13 metrics of the VIFB
benchmark, `gray` the 12 that most papers print, `extra` MEF-SSIM, MS-SSIM and FMI, `all` everything.
"""

import argparse
import csv
import sys
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
from rich.progress import track

from mmdefusion.datasets.fusion import match_stems
from mmdefusion.datasets.image_io import read_image
from mmdefusion.evaluation.functional import PROTOCOLS, lower_is_better
from mmdefusion.utils.compat import installed
from mmdefusion.utils.files import make_writable
from mmdefusion.visualization import Table

Row = dict[str, float]


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


def score(paths: tuple[str, str, str], protocol: str, lpips: bool) -> Row | str:
    """All metrics of one image, or what is wrong with it."""
    try:
        images = [read_rgb(path) for path in paths]
        scores = PROTOCOLS[protocol].scores(*images)
        if lpips:
            from mmdefusion.evaluation.functional.lpips import lpips_scores

            scores |= lpips_scores(*images)
        return scores
    except (OSError, ValueError) as error:
        return f'{", ".join(paths)}: {error}'


def read_rgb(path: str) -> np.ndarray:
    """H×W or H×W×3, 0-255."""
    image = read_image(path, channels=None)
    return image if image.ndim == 2 else image[..., ::-1]


def one_thread() -> None:
    """Processes share out the images; threads inside them would only get in each other's way."""
    cv2.setNumThreads(1)


def score_all(triples: list[tuple[str, str, str]], protocol: str, lpips: bool, workers: int) -> list[Row | str]:
    work = partial(score, protocol=protocol, lpips=lpips)
    with get_context('spawn').Pool(min(workers, len(triples)), one_thread) as pool:
        return list(track(pool.imap(work, triples), 'scoring', total=len(triples)))


def with_mean(rows: dict[str, Row]) -> dict[str, Row]:
    metrics = next(iter(rows.values()))
    return rows | {'mean': {name: float(np.mean([row[name] for row in rows.values()])) for name in metrics}}


def write_csv(rows: dict[str, Row], path: Path) -> None:
    with path.open('w', newline='') as file:
        writer = csv.writer(file)
        writer.writerow(['image', *rows['mean']])
        writer.writerows([name, *(f'{value:.6f}' for value in row.values())] for name, row in rows.items())


def main() -> None:
    args = parse_args()
    if args.lpips and not installed('lpips'):
        raise SystemExit("--lpips needs the package lpips: pip install 'mmdefusion[lpips]'")
    try:
        if args.out:
            make_writable(args.out.parent)
        matched = match_stems([args.vi, args.ir, args.fused], args.suffixes)
    except (OSError, ValueError) as error:
        raise SystemExit(str(error)) from None
    scores = score_all(list(matched.values()), args.protocol, args.lpips, args.workers)
    if errors := [entry for entry in scores if isinstance(entry, str)]:
        print('\n'.join(errors), file=sys.stderr)
        raise SystemExit(f'{len(errors)} of {len(scores)} images could not be scored; nothing was written.')
    rows = with_mean(dict(zip(matched, scores, strict=True)))
    if args.out:
        write_csv(rows, args.out)
    direction = [[name, '↓' if lower_is_better(name) else '↑', value] for name, value in rows['mean'].items()]
    print(Table(['metric', 'better', 'mean'], direction, f'{len(matched)} images in {args.fused}', digits=4).text())


if __name__ == '__main__':
    main()
