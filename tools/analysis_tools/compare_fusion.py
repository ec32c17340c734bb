"""Fuses pairs and compares the metrics with those of the mean of the sources and the network's plain output.

    python tools/analysis_tools/compare_fusion.py VISIBLE_DIR INFRARED_DIR --limit 12
    python tools/analysis_tools/compare_fusion.py DIR DIR --suffixes _A _B --task mef --protocol extra
    python tools/analysis_tools/compare_fusion.py VISIBLE_DIR INFRARED_DIR --detail levels=5 boost=0.3,sharpness=8

The last command compares rules of detail: each group of options of ResidualDetail is a column of the table. Choose
rules on training pairs only. Writes table.md and sheet.jpg (--sources adds the sources) to --out-dir.
"""

import argparse
from collections.abc import Callable
from inspect import signature
from math import isnan
from pathlib import Path

import cv2
import numpy as np

from mmdefusion.apis import FusionInferencer
from mmdefusion.datasets.pairing import strip_suffix
from mmdefusion.evaluation.functional import PROTOCOLS, lower_is_better
from mmdefusion.evaluation.scores import mean_row
from mmdefusion.inference.fusing import TASKS
from mmdefusion.inference.sources import Item, list_items
from mmdefusion.models.fusers import ResidualDetail
from mmdefusion.registry import MODELS
from mmdefusion.utils.files import make_writable, write_image, write_text
from mmdefusion.utils.progress import track
from mmdefusion.utils.spread import evenly_spread
from mmdefusion.visualization import Table, contact_sheet

SHOWN = 6  # pairs on the sheet, evenly spread
MEAN = 'mean of the sources'
OPTIONS = {name: type(option.default) for name, option in signature(ResidualDetail).parameters.items()}


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('first', help='folder of visible images, or of the first exposures or foci')
    parser.add_argument('second', help='folder of their partners')
    parser.add_argument('--suffixes', nargs=2, default=(), metavar='S', help='tell files of one folder apart: _A _B')
    parser.add_argument('--list', type=Path, help='file with the names to use, one per line, such as a training split')
    parser.add_argument('--limit', type=int, help='number of pairs to use, evenly spread')
    parser.add_argument('--task', choices=list(TASKS), default='ivf')
    parser.add_argument('--protocol', choices=list(PROTOCOLS), default='vifb')
    parser.add_argument('--detail', nargs='+', default=[], type=options, metavar='OPTION=VALUE,...')
    parser.add_argument('--weights', help='default: those that come with mmdefusion')
    parser.add_argument('--sources', action='store_true', help='show the sources on the sheet')
    parser.add_argument('--out-dir', type=Path, default=Path('work_dirs/compare_fusion'))
    return parser.parse_args()


def options(text: str) -> dict[str, float]:
    """Reads options of ResidualDetail such as ``'levels=5,boost=0.3'``."""
    pairs = [part.partition('=')[::2] for part in text.split(',')]
    if unknown := [name for name, _ in pairs if name not in OPTIONS]:
        raise argparse.ArgumentTypeError(f'{", ".join(unknown)}: ResidualDetail has {", ".join(OPTIONS)}.')
    return {name: OPTIONS[name](value) for name, value in pairs}


def choose(args: argparse.Namespace) -> list[Item]:
    """The pairs to fuse."""
    items = list_items([args.first, args.second], args.suffixes)
    if args.list:
        wanted = {strip_suffix(line.strip()) for line in args.list.read_text().splitlines() if line.strip()}
        if absent := sorted(wanted - {item.name for item in items}):
            raise ValueError(f'{len(absent)} names in {args.list} are not in {args.first}, first {absent[0]}.')
        items = [item for item in items if item.name in wanted]
    return evenly_spread(items, args.limit) if args.limit else items


def variants(args: argparse.Namespace) -> dict[str, Callable[[Item], np.ndarray]]:
    """The functions that fuse a pair, by name."""
    fuser = FusionInferencer(args.weights, task=args.task)
    rules = {'plain output': None, 'detail': fuser.model.detail}
    for rule in args.detail:
        name = ', '.join(f'{option} {value:g}' for option, value in rule.items())
        rules[name] = MODELS.build({**TASKS[args.task]['detail'], **rule})

    def fuse(item: Item, detail: ResidualDetail | None) -> np.ndarray:
        fuser.model.detail = detail
        return fuser.fuse(item).images['fused']

    # the network first, as its errors name pairs that do not fit
    return {name: lambda item, rule=rule: fuse(item, rule) for name, rule in rules.items()} | {MEAN: mean}


def mean(item: Item) -> np.ndarray:
    """Mean of the sources, uint8."""
    one, other = item.read()
    return cv2.addWeighted(one, 0.5, other, 0.5, 0)


def compare(args: argparse.Namespace) -> Table:
    """Fuses and scores all pairs, and writes the table and the sheet."""
    out, items, protocol = make_writable(args.out_dir), choose(args), PROTOCOLS[args.protocol]
    makers = variants(args)
    shown = evenly_spread(items, SHOWN)
    scores, rows = {name: [] for name in makers}, []
    for item in track(items, 'fusing and scoring'):
        pictures = {name: make(item) for name, make in makers.items()}
        sources = item.read()
        for name, picture in pictures.items():
            scores[name].append(protocol.scores(*(image[..., ::-1] for image in (*sources, picture))))
        if item in shown:
            rows.append([*(sources if args.sources else ()), *pictures.values()])
    means = {name: mean_row(rows_of) for name, rows_of in scores.items()}
    cells = [
        [f'{metric}{" (less is better)" if lower_is_better(metric) else ""}']
        + [None if isnan(mean[metric]) else mean[metric] for mean in means.values()]
        for metric in protocol.metrics
    ]
    table = Table(['metric', *makers], cells, f'Means over {len(items)} pairs of {args.first}.', digits=3)
    write_text(out / 'table.md', table.markdown())
    titles = [*(('first', 'second') if args.sources else ()), *makers]
    write_image(out / 'sheet.jpg', contact_sheet(rows, titles, [item.name for item in shown], width=300))
    return table


def main() -> None:
    try:
        print(compare(parse_args()).text())
    except (OSError, ValueError) as error:
        raise SystemExit(str(error)) from None


if __name__ == '__main__':
    main()
