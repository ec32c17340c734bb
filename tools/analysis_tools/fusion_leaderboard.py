"""Ranks a fusion network among the 26 published methods of VIFB.

    python tools/analysis_tools/fusion_leaderboard.py --data data/VIFB --out-dir work_dirs/leaderboard

Fuses VIFB's 21 pairs (--data has vi/ and ir/; other pairs are refused, as the published means are not of them) with
targets kept (the default), off or highlighted, without detail, and by the maximum of the sources, scores them as the
benchmark does, and ranks each separately among the published means: a rank from 1 to 27 for each metric, and the mean
rank. A second table has what these metrics do not measure (targets, skies, noise, fringes), for ours and for other
methods whose images are in fused/METHOD/ of --data; its last column is in how many pairs what is hottest is among the
two brightest of the method and the other methods. Writes table.md and sheet.jpg, and ranks.png for each variant.
"""

import argparse
from collections.abc import Mapping, Sequence
from functools import cache
from math import isnan
from pathlib import Path
from typing import NamedTuple

import cv2
import matplotlib

matplotlib.use('Agg')
import matplotlib.pyplot as plt

from mmdefusion.apis import FusionInferencer
from mmdefusion.evaluation.functional import TARGET_METRICS, VIFB_METRICS, lower_is_better
from mmdefusion.evaluation.parallel_scoring import score_files
from mmdefusion.evaluation.published import VIFB_PAIRS, mean_rank, rank, vifb_method_means
from mmdefusion.evaluation.score_table import Row, mean_row, write_scores
from mmdefusion.inference.infrared import tell_black_hot, to_white_hot
from mmdefusion.inference.methods import find_methods
from mmdefusion.inference.sources import Item, list_items
from mmdefusion.inference.stems import match_stems
from mmdefusion.models.checkpoints.fetching import hash_weights, local_path
from mmdefusion.utils.files import write_image, write_text
from mmdefusion.utils.image_io import read_image
from mmdefusion.utils.names import shown
from mmdefusion.utils.options import interrupted_in_a_line, warn_in_a_line
from mmdefusion.utils.spread import evenly_spread
from mmdefusion.visualization import Table, contact_sheet
from mmdefusion.visualization.plots import write_figure

VARIANTS: dict[str, dict] = {
    'mmdefusion': {},
    'mmdefusion, target=off': dict(target='off'),
    'mmdefusion, target=highlight': dict(target='highlight'),
    'mmdefusion, detail=None': dict(detail=None),
}
MAXIMUM = 'maximum of the sources'
SHOWN = 6  # pairs on the sheet, evenly spread
Files = Mapping[str, Sequence[str]]  # of each pair, by its name: visible, infrared, fused


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--data', type=Path, required=True, help='folder with vi/, ir/ and perhaps fused/METHOD/')
    parser.add_argument(
        '--out-dir',
        type=Path,
        default=Path('work_dirs/fusion_leaderboard'),
        help='folder of the images, tables and plots (default: %(default)s)',
    )
    parser.add_argument('--weights', help='default: those that come with mmdefusion')
    parser.add_argument('--workers', type=int, default=2, help='processes that score (default: 2)')
    return parser.parse_args()


class Pairs(NamedTuple):
    """The pairs, and whether hot is dark in their infrared images."""

    items: list[Item]
    black_hot: bool


@cache
def read_pairs(data: Path) -> Pairs:
    """Lists the pairs, and tells their polarity as the fuser does, once for all variants."""
    items = list_items([str(data / 'vi'), str(data / 'ir')])
    return Pairs(items, tell_black_hot(items, 'auto'))


def refuse_other_pairs(data: Path) -> None:
    """Raises a ValueError if the pairs are not those of VIFB, by their names: no other has a place among its means."""
    names = {item.name for item in read_pairs(data).items}
    absent, others = sorted(set(VIFB_PAIRS) - names), sorted(names - set(VIFB_PAIRS))
    if absent or others:
        groups = ((absent, 'absent'), (others, 'others'))
        counts = [f'{len(group)} {what}, first {group[0]}' for group, what in groups if group]
        raise ValueError(
            f"{data} has not VIFB's 21 pairs ({'; '.join(counts)}), of which the published means are: give these, or "
            'compare other pairs by compare_fusion.py.'
        )


def folder_of(name: str, args: argparse.Namespace) -> Path:
    """The folder of the images of a variant, which depends on the weights, or of the maximum, which does not."""
    if name == MAXIMUM:
        return args.out_dir / 'maximum'
    weights = local_path(args.weights or 'tiny')
    variant = '-'.join(f'{option}-{value}' for option, value in VARIANTS[name].items()) or 'default'
    content = hash_weights(weights)[:8]
    return args.out_dir / f'{weights.stem.removesuffix(f"-{content}")}-{content}_{variant}'


def fuse_and_score(name: str, args: argparse.Namespace) -> dict[str, float]:
    """Fuses and scores one variant into its own folder, and returns the mean of each metric."""
    fuser = FusionInferencer(args.weights, **VARIANTS[name])  # first, as it refuses files that are no checkpoints
    folder = folder_of(name, args)
    fuser(args.data / 'vi', args.data / 'ir', out_dir=folder / 'fused')
    return score_folder(folder, args)


def score_maximum(args: argparse.Namespace) -> dict[str, float]:
    """Writes and scores the larger value of the sources in each channel, the simplest rule that shows what is hot."""
    folder = folder_of(MAXIMUM, args)
    items, black_hot = read_pairs(args.data)
    for item in items:
        largest = cv2.max(*to_white_hot(item.read(), black_hot))
        write_image(folder / 'fused' / f'{item.name}.png', largest)
    return score_folder(folder, args)


def score_folder(folder: Path, args: argparse.Namespace) -> dict[str, float]:
    """Scores the images in ``folder/fused``, writes a row for each, and returns the mean of each metric."""
    return write_scores(score(beside_sources(folder, args), 'vifb', args), folder / 'scores.csv')


def beside_sources(folder: Path, args: argparse.Namespace) -> Files:
    """The sources and the images in ``folder/fused``."""
    return match_stems([args.data / 'vi', args.data / 'ir', folder / 'fused'])


def score(files: Files, protocol: str, args: argparse.Namespace) -> dict[str, Row]:
    """The metrics of each image, by name."""
    scores = score_files(list(files.values()), protocol, args.workers, black_hot=read_pairs(args.data).black_hot)
    if errors := [str(row) for row in scores if not isinstance(row, dict)]:
        raise SystemExit('\n'.join(errors))
    return dict(zip(files, scores, strict=True))


def tabulate_targets(args: argparse.Namespace, methods: Mapping[str, Files]) -> Table:
    """Makes the table of what VIFB's metrics do not measure, for every method with images."""
    scores = {name: score(files, 'targets', args) for name, files in methods.items()}
    others = [scores[name] for name in scores if name not in VARIANTS and name != MAXIMUM]
    rows = []
    for name, found in scores.items():
        means = mean_row(found)
        values = (None if isnan(value) else value for value in means.values())
        rows.append([name, *values, bright_pairs(found, [other for other in others if other is not found])])
    arrows = [f'{metric} {"↓" if lower_is_better(metric) else "↑"}' for metric in TARGET_METRICS]
    caption = 'Targets, skies, noise and fringes: means over the pairs.'
    return Table(['method', *arrows, 'two brightest'], rows, caption, digits=2)


def bright_pairs(ours: dict[str, Row], others: Sequence[dict[str, Row]]) -> str:
    """In how many of the pairs with hot regions at most one other method shows them brighter."""
    brightness = {name: row['Hot_bright'] for name, row in ours.items() if not isnan(row['Hot_bright'])}
    bright = [
        name for name, value in brightness.items() if sum(other[name]['Hot_bright'] > value for other in others) < 2
    ]
    return f'{len(bright)} of {len(brightness)}'


def tabulate(methods: dict[str, dict[str, float]]) -> Table:
    """Makes the table of all methods with their rank for each metric."""
    places = rank(methods)
    rows = [
        [str(place), method, mean, *(f'{places[method][metric]:g}' for metric in VIFB_METRICS)]
        for place, (method, mean) in enumerate(mean_rank(methods).items(), 1)
    ]
    return Table(['place', 'method', 'mean place', *VIFB_METRICS], rows, f'Places among {len(methods)}.', digits=2)


def draw_ranks(methods: dict[str, dict[str, float]], ours: str, out: Path) -> None:
    """Plots mean ranks as bars, and the ranks of ours and of the three best others for each metric."""
    means, places = mean_rank(methods), rank(methods)
    figure, (left, right) = plt.subplots(1, 2, figsize=(13, 6.5), constrained_layout=True, width_ratios=(2, 3))
    names = list(means)
    left.barh(names, means.values(), color=['tab:orange' if name == ours else 'lightsteelblue' for name in names])
    left.invert_yaxis()
    left.set_xlabel('mean place over 13 metrics (left is better)')
    for name in [ours, *[name for name in names if name != ours][:3]]:
        line = [places[name][metric] for metric in VIFB_METRICS]
        right.plot(VIFB_METRICS, line, marker='o', linewidth=2.5 if name == ours else 1.2, label=name)
    right.invert_yaxis()
    right.set_ylabel('place')
    right.tick_params(axis='x', rotation=60)
    right.grid(alpha=0.3)
    right.legend(fontsize='small')
    write_figure(out, figure, dpi=100)


def draw_sheet(methods: Mapping[str, Files], out: Path) -> None:
    """Draws the sources, our fused images and those of other methods."""
    first, *others = methods.values()
    names = evenly_spread(sorted(first), SHOWN)
    paths = [[*first[name], *(files[name][2] for files in others)] for name in names]
    rows = [[read_image(path, channels=3) for path in row] for row in paths]
    write_image(out, contact_sheet(rows, ['visible', 'infrared', *methods], names, width=300))


@interrupted_in_a_line()
def main() -> None:
    args = parse_args()
    warn_in_a_line()
    try:
        print('\n\n'.join(table.text() for table in write_tables(args)))
    except (OSError, ValueError) as error:
        raise SystemExit(shown(error)) from None


def write_tables(args: argparse.Namespace) -> list[Table]:
    """Writes the tables, the plots and the sheet."""
    refuse_other_pairs(args.data)
    tables = []
    sources = match_stems([args.data / 'vi', args.data / 'ir'])
    others = find_methods(args.data / 'fused', sources)  # before the work of fusing
    for name in (*VARIANTS, MAXIMUM):
        scores = score_maximum(args) if name == MAXIMUM else fuse_and_score(name, args)
        methods = vifb_method_means() | {name: scores}
        draw_ranks(methods, name, folder_of(name, args) / 'ranks.png')
        tables.append(tabulate(methods))
    shown_methods = {name: beside_sources(folder_of(name, args), args) for name in (*VARIANTS, MAXIMUM)}
    for name, images in others.items():
        shown_methods[name] = {pair: (*paths, images[pair]) for pair, paths in sources.items()}
    tables.append(tabulate_targets(args, shown_methods))
    write_text(args.out_dir / 'table.md', '\n'.join(table.markdown() for table in tables))
    draw_sheet(shown_methods, args.out_dir / 'sheet.jpg')
    return tables


if __name__ == '__main__':
    main()
