"""Fuses pairs and compares the metrics with those of the mean of the sources and the network's plain output.

Infrared and visible pairs are fused with targets kept, which is the default, and without.

    python tools/analysis_tools/compare_fusion.py VISIBLE_DIR INFRARED_DIR --limit 12
    python tools/analysis_tools/compare_fusion.py DIR DIR --suffixes _A _B --task mef --protocol extra
    python tools/analysis_tools/compare_fusion.py VISIBLE_DIR INFRARED_DIR --detail levels=5 boost=0.3,sharpness=8

    python tools/analysis_tools/compare_fusion.py VISIBLE_DIR INFRARED_DIR --protocol targets \\
        --target keep highlight --boxes test.json --fused METHOD_DIR

The third command compares rules of detail, without targets: each group of numbers of ResidualDetail is a column of the
table, and fuse.py --detail takes what was found best. The last compares treatments of targets, also with the maximum of
the sources and with the images of other methods, on the pairs that have boxes. Choose rules on training pairs only.
Writes table.md and sheet.jpg (--sources adds the sources) to --out-dir.
"""

import argparse
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from functools import partial
from math import isnan
from pathlib import Path
from typing import get_args

import cv2
import numpy as np
import torch
from torch import Tensor

from mmdefusion.apis import FusionInferencer
from mmdefusion.datasets.pairing import strip_suffix
from mmdefusion.evaluation.baseline import mean_of
from mmdefusion.evaluation.functional import PROTOCOLS, lower_is_better
from mmdefusion.evaluation.functional.targets import Kept, summarise
from mmdefusion.evaluation.labelled_targets import Boxes, check_names, measure_objects, read_boxes
from mmdefusion.evaluation.score_table import mean_row
from mmdefusion.inference.infrared import Polarity
from mmdefusion.inference.sources import Item, list_items
from mmdefusion.inference.stems import list_images
from mmdefusion.models.fusers import ResidualDetail, SlidingWindow
from mmdefusion.models.structures import Pair
from mmdefusion.registry import MODELS
from mmdefusion.rules.options import DETAIL_WITH_TARGETS, TASKS, Target, choose_rule, read_numbers
from mmdefusion.utils.files import make_writable, write_image, write_text
from mmdefusion.utils.image_io import FULL, read_image
from mmdefusion.utils.names import shown
from mmdefusion.utils.options import interrupted_in_a_line, warn_in_a_line
from mmdefusion.utils.progress import track
from mmdefusion.utils.spread import evenly_spread
from mmdefusion.visualization import Table, contact_sheet

SHOWN = 6  # pairs on the sheet, evenly spread
MEAN = 'mean of the sources'
MAXIMUM = 'maximum of the sources'


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('first', help='folder of visible images, or of the first exposures or foci')
    parser.add_argument('second', help='folder of their partners')
    parser.add_argument('--suffixes', nargs=2, default=(), metavar='S', help='tell files of one folder apart: _A _B')
    parser.add_argument('--list', type=Path, help='file with the names to use, one per line, such as a training split')
    parser.add_argument('--limit', type=int, help='number of pairs to use, evenly spread')
    parser.add_argument(
        '--task',
        choices=list(TASKS),
        default='ivf',
        help='what is fused: infrared and visible images, exposures or foci (default: ivf)',
    )
    parser.add_argument(
        '--protocol', choices=list(PROTOCOLS), default='vifb', help='metrics of which benchmark (default: vifb)'
    )
    parser.add_argument(
        '--detail',
        nargs='+',
        default=[],
        type=numbers,
        metavar='NAME=NUMBER,...',
        help='a column for each group of numbers of ResidualDetail (default: those of the task)',
    )
    parser.add_argument(
        '--target',
        nargs='+',
        choices=('keep', 'highlight'),
        help='a column for each treatment of targets (default: keep for ivf)',
    )
    parser.add_argument(
        '--fused', nargs='+', default=[], type=Path, metavar='DIR', help='folders with images of other methods'
    )
    parser.add_argument(
        '--boxes', type=Path, metavar='FILE', help='measure objects on the pairs of this COCO file or VOC folder'
    )
    parser.add_argument(
        '--network-pixels', type=int, metavar='N', help='the network sees at most N pixels; no plain output then'
    )
    parser.add_argument(
        '--polarity',
        choices=get_args(Polarity),
        default='auto',
        help='whether hot is bright or dark in infrared images (default: guessed of all pairs, as by fuse.py)',
    )
    parser.add_argument('--weights', help='default: those that come with mmdefusion')
    parser.add_argument('--sources', action='store_true', help='show the sources on the sheet')
    parser.add_argument(
        '--out-dir',
        type=Path,
        default=Path('work_dirs/compare_fusion'),
        help='folder of the table and the sheet (default: %(default)s)',
    )
    return parser.parse_args()


def numbers(text: str) -> dict[str, float]:
    """Reads numbers of the rule of detail."""
    try:
        return read_numbers(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(error) from None


def choose(args: argparse.Namespace, items: Sequence[Item], boxes: Boxes) -> Sequence[Item]:
    """The pairs to fuse, of all; if there are boxes, those that have any.

    Raises:
        ValueError: if the list names none, or others than there are, or no pair has boxes.
    """
    if args.list:
        wanted = {strip_suffix(line.strip()) for line in args.list.read_text().splitlines() if line.strip()}
        if absent := sorted(wanted - {item.name for item in items}):
            raise ValueError(f'{len(absent)} names in {args.list} are not in {args.first}, first {absent[0]}.')
        items = [item for item in items if item.name in wanted]
        if not items:
            raise ValueError(f'{args.list} names no pair: write a name into each line.')
    if args.boxes:
        check_names(boxes, [item.name for item in items])
        items = [item for item in items if boxes.get(item.name)]
    return evenly_spread(items, args.limit) if args.limit else items


class OncePerPair:
    """Runs the network once for all rules of detail and targets, which differ in what follows it only.

    Args:
        run: the model's sliding window.
    """

    def __init__(self, run: SlidingWindow) -> None:
        self.run = run
        self.pair: Pair | None = None
        self.decoded: dict[str, Tensor] = {}

    def __call__(self, network: partial, pair: Pair) -> Tensor:
        """What the network decodes of a pair; the last pair's are kept, for each set of options of ``network``."""
        if self.pair is None or not all(map(torch.equal, self.pair, pair)):
            self.pair, self.decoded = pair, {}
        options = str(network.keywords)
        if options not in self.decoded:
            self.decoded[options] = self.run(network, pair)
        return self.decoded[options]


Reader = Callable[[Item], list[np.ndarray]]
Maker = Callable[[Item], np.ndarray]


def variants(
    args: argparse.Namespace, items: Sequence[Item], series: Sequence[Item]
) -> tuple[Reader, dict[str, Maker]]:
    """The function that reads both sources of a pair as they are for fusing, and those that fuse a pair, by name.

    Args:
        args: arguments of the tool.
        items: the pairs to fuse.
        series: all pairs of the folders, which tell the polarity of infrared images, as in fuse.py.

    Raises:
        ValueError: if targets are asked for in other images than infrared and visible ones, an image of another method
            is not there, or two columns would have the same name.
    """
    if args.target and args.task != 'ivf':
        raise ValueError(f'--target {args.target[0]} needs infrared and visible images: --task ivf.')
    fuser = FusionInferencer(
        args.weights, task=args.task, target='off', polarity=args.polarity, network_pixels=args.network_pixels
    )
    black_hot = fuser.tell_black_hot(series)
    read = partial(fuser.read, black_hot=black_hot)
    fuser.model.sliding_window = OncePerPair(fuser.model.sliding_window)
    rules = {} if args.network_pixels else {'plain output': None}
    rules['target off' if args.task == 'ivf' else 'detail'] = fuser.model.detail
    for rule in args.detail:
        name = ', '.join(f'{option} {value:g}' for option, value in rule.items())
        rules[name] = MODELS.build({**TASKS[args.task]['detail'], **rule})

    def fuse(item: Item, detail: ResidualDetail | None, target: Target = 'off') -> np.ndarray:
        fuser.model.detail, fuser.model.target = detail, target
        fuser.model.colour = choose_rule(args.task, detail=detail and 'residual').colour
        return fuser.fuse(item, black_hot=black_hot).images['fused']

    # the network first, as its errors name pairs that do not fit
    makers = {name: lambda item, rule=rule: fuse(item, rule) for name, rule in rules.items()}
    aimed = MODELS.build(TASKS['ivf']['detail'] | DETAIL_WITH_TARGETS)
    for target in args.target or (['keep'] if args.task == 'ivf' else []):
        makers[f'target {target}'] = lambda item, target=target: fuse(item, aimed, target)
    makers |= other_methods(args.fused, items, {*makers, MEAN, MAXIMUM})
    makers[MEAN] = lambda item: mean_of(*read(item))
    if args.protocol == 'targets':
        makers[MAXIMUM] = lambda item: cv2.max(*read(item))
    return read, makers


def other_methods(folders: Sequence[Path], items: Sequence[Item], taken: Collection[str]) -> dict[str, Maker]:
    """The functions that read images of other methods, by the names of their folders, or of those with their parents.

    Raises:
        ValueError: if an image is not there, or two columns would have the same name.
    """
    makers, counts = {}, Counter([*taken, *(folder.resolve().name for folder in folders)])
    for folder in folders:
        found, parts = list_images(folder), folder.resolve().parts
        if absent := [item.name for item in items if item.name not in found]:
            raise ValueError(f'{folder} has no images of {len(absent)} of {len(items)} pairs, such as {absent[0]}.')
        name = parts[-1] if counts[parts[-1]] == 1 else '/'.join(parts[-2:])
        if name in makers or name in taken:
            raise ValueError(f'Two columns would be called {name}: give each folder once, or rename it.')
        makers[name] = lambda item, found=found: read_image(found[item.name], 3, fixed_range=FULL)
    return makers


def object_rows(objects: dict[str, dict[str, list[Kept]]]) -> list[list]:
    """Rows of the table for labelled objects: contrast kept, and the shares lost and reversed, by class."""
    rows = []
    for label in sorted({label for of_column in objects.values() for label in of_column}):
        summaries = [summarise(of_column.get(label, [])) for of_column in objects.values()]
        count = max(len(of_column.get(label, [])) for of_column in objects.values())
        for key, text in (
            ('contrast', 'contrast kept, median'),
            ('lost', 'lost (less is better)'),
            ('reversed', 'of it reversed'),
        ):
            values = [None if isnan(summary[key]) else summary[key] for summary in summaries]
            rows.append([f'{count} of class {label}: {text}', *values])
    return rows


def compare(args: argparse.Namespace) -> Table:
    """Fuses and scores all pairs, and writes the table and the sheet."""
    boxes = read_boxes(args.boxes, Path(args.first), args.suffixes[0] if args.suffixes else '') if args.boxes else {}
    out, protocol = make_writable(args.out_dir), PROTOCOLS[args.protocol]
    series = list_items([args.first, args.second], args.suffixes)
    items = choose(args, series, boxes)
    read, makers = variants(args, items, series)
    shown = evenly_spread(items, SHOWN)
    scores, rows = {name: {} for name in makers}, []
    objects: dict[str, dict[str, list[Kept]]] = {name: {} for name in makers if boxes}
    for item in track(items, 'fusing and scoring'):
        pictures = {name: make(item) for name, make in makers.items()}
        sources = read(item)
        for name, picture in pictures.items():
            triple = [image[..., ::-1] for image in (*sources, picture)]
            scores[name][item.name] = protocol.scores(*triple)
            if boxes:
                for label, found in measure_objects(triple, boxes[item.name]).items():
                    objects[name].setdefault(label, []).extend(found)
        if item in shown:
            rows.append([*(sources if args.sources else ()), *pictures.values()])
    means = {name: mean_row(rows_of) for name, rows_of in scores.items()}
    cells = [
        [f'{metric}{" (less is better)" if lower_is_better(metric) else ""}']
        + [None if isnan(mean[metric]) else mean[metric] for mean in means.values()]
        for metric in protocol.metrics
    ]
    cells += object_rows(objects)
    table = Table(['metric', *makers], cells, f'Means over {len(items)} pairs of {args.first}.', digits=3)
    write_text(out / 'table.md', table.markdown())
    titles = [*(('first', 'second') if args.sources else ()), *makers]
    write_image(out / 'sheet.jpg', contact_sheet(rows, titles, [item.name for item in shown], width=300))
    return table


@interrupted_in_a_line()
def main() -> None:
    warn_in_a_line()
    try:
        print(compare(parse_args()).text())
    except (OSError, ValueError) as error:
        raise SystemExit(shown(error)) from None


if __name__ == '__main__':
    main()
