"""Measures how much models lose if a sensor fails, the images are misaligned, or an image is corrupted.

    python tools/analysis_tools/robustness.py --model CONFIG CHECKPOINT [--model CONFIG CHECKPOINT ...]
        [--missing visible infrared random:0.3] [--shifts 2 4 8 16] [--corruptions darkness fog ...] [--levels 1 3 5]

Tests each model on the test split of its config, without and with each disturbance (the same for every model and in
every run). Writes table.md, scores.json and curves.png to --out-dir. Tests whose scores are in scores.json are not
repeated.
"""

import argparse
import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import matplotlib

matplotlib.use('Agg')
import matplotlib.pyplot as plt
from mmengine.config import Config, DictAction
from mmengine.registry import RUNNERS
from mmengine.runner import Runner

from mmdefusion.datasets.transforms import CORRUPTIONS
from mmdefusion.evaluation.trial_scores import main_score
from mmdefusion.experiments import Disturbance
from mmdefusion.experiments.complexity import build_model
from mmdefusion.experiments.data_digest import digest_data
from mmdefusion.models.checkpoints.fetching import local_path
from mmdefusion.models.checkpoints.weights_fit import read_weights, refuse_misfit
from mmdefusion.utils.files import make_writable, write_text
from mmdefusion.utils.kept import read_kept
from mmdefusion.utils.names import shown
from mmdefusion.utils.options import interrupted_in_a_line
from mmdefusion.utils.progress import track
from mmdefusion.version import __version__
from mmdefusion.visualization import Table
from mmdefusion.visualization.plots import write_figure

SCORES = ('mIoU', 'pascal_voc/AP50', 'coco/bbox_mAP_50')
AS_IT_IS = 'as it is'


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        '--model',
        nargs=2,
        action='append',
        required=True,
        metavar=('CONFIG', 'CHECKPOINT'),
        help='a model and its weights; may be repeated',
    )
    parser.add_argument(
        '--missing',
        nargs='*',
        default=['visible', 'infrared', 'random:0.3'],
        metavar='M',
        help='sensors that fail: visible, infrared, random:SHARE (default: visible infrared random:0.3)',
    )
    parser.add_argument(
        '--shifts',
        nargs='*',
        type=float,
        default=[2, 4, 8, 16],
        metavar='PIXELS',
        help='shifts of the infrared image (default: 2 4 8 16)',
    )
    parser.add_argument(
        '--corruptions',
        nargs='*',
        choices=list(CORRUPTIONS),
        default=list(CORRUPTIONS),
        help='corruptions of an image (default: all)',
    )
    parser.add_argument(
        '--levels',
        nargs='*',
        type=int,
        choices=range(1, 6),
        default=[1, 3, 5],
        help='levels of the corruptions (default: 1 3 5)',
    )
    parser.add_argument(
        '--out-dir',
        type=Path,
        default=Path('work_dirs/robustness'),
        help='folder of the scores, table and curves (default: %(default)s)',
    )
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction, default={}, help='settings of all models: key.sub=value'
    )
    args = parser.parse_args()
    for config, _ in args.model:
        if not Path(config).is_file():
            parser.error(f'{config} is not there.')
    return args


def plan(args: argparse.Namespace) -> list[Disturbance | None]:
    """All tests of a model; None stands for undisturbed pairs."""
    return [
        None,
        *map(Disturbance.missing, args.missing),
        *map(Disturbance.shift, args.shifts),
        *(Disturbance.corruption(f'{kind}:{level}') for kind in args.corruptions for level in args.levels),
    ]


def disturbed(path: str, disturbance: Disturbance | None, args: argparse.Namespace) -> Config:
    """The config of a test.

    Raises:
        ValueError: if its pairs cannot be disturbed.
    """
    config = Config.fromfile(path)
    config.merge_from_dict(args.cfg_options)
    if disturbance:
        disturbance.apply(config)
    return config


def test(path: str, checkpoint: str, disturbance: Disturbance | None, args: argparse.Namespace) -> dict[str, float]:
    """The scores of the config's evaluator."""
    config = disturbed(path, disturbance, args)
    config.work_dir, config.load_from, config.log_level = str(args.out_dir / 'logs'), checkpoint, 'WARNING'
    runner = RUNNERS.build(config) if 'runner_type' in config else Runner.from_cfg(config)
    return {name: float(value) for name, value in runner.test().items()}


def tabulate(scores: dict[str, dict[str, dict[str, float]]], conditions: Sequence[str]) -> Table:
    """Makes the table: a row for each condition, with the score and the loss of each model."""
    header, rows = ['condition'], [[condition] for condition in conditions]
    for model, found in scores.items():
        name, whole = main_score(found[AS_IT_IS], SCORES)
        header += [f'{model}: {name}', 'lost']
        for row, condition in zip(rows, conditions, strict=True):
            value = main_score(found[condition], SCORES)[1]
            row += [value, None if condition == AS_IT_IS else whole - value]
    return Table(header, rows, 'In percent, on the test split.')


def draw(scores: dict[str, dict[str, dict[str, float]]], args: argparse.Namespace, out: Path) -> None:
    """Plots the score against the shift, and against the level of each corruption."""
    panels = {'shift of the infrared image, pixels': [(shift, f'shift {shift:g} px') for shift in args.shifts]}
    panels |= {f'{kind}, level': [(level, f'{kind}:{level}') for level in args.levels] for kind in args.corruptions}
    panels = {title: points for title, points in panels.items() if points}
    if not panels:
        return
    figure, axes = plt.subplots(1, len(panels), figsize=(3 * len(panels), 3), sharey=True, constrained_layout=True)
    for axis, (title, points) in zip(axes if len(panels) > 1 else [axes], panels.items(), strict=True):
        for model, found in scores.items():
            values = [
                main_score(found[condition], SCORES)[1] for condition in (AS_IT_IS, *(name for _, name in points))
            ]
            axis.plot([0, *(place for place, _ in points)], values, marker='o', label=model)
        axis.set_xlabel(title)
        axis.grid(alpha=0.3)
    figure.axes[0].set_ylabel('score, percent')
    figure.axes[-1].legend(fontsize='x-small')
    write_figure(out, figure)


def name_of(config: str, checkpoint: str, taken: Iterable[str]) -> str:
    """The name of a model: that of its config without batch and schedule, or that of its folder."""
    path = Path(config)
    name = path.parent.name if path.stem == 'config' else path.stem.split('_1xb')[0]
    names = [name, f'{name} ({Path(checkpoint).stem})', *(f'{name} ({number})' for number in range(2, 99))]
    return next(name for name in names if name not in taken)


def key_of(path: str, checkpoint: str, args: argparse.Namespace) -> str:
    """A digest of everything that a model's scores depend on but the disturbance."""
    config = disturbed(path, None, args)
    basis = __version__, checkpoint, Path(checkpoint).stat().st_mtime_ns, digest_data(config, 'test')
    return hashlib.sha256(f'{basis} {config.pretty_text}'.encode()).hexdigest()


@interrupted_in_a_line()
def main() -> None:
    args = parse_args()
    out = make_writable(args.out_dir)
    kept = out / 'scores.json'
    known = read_kept(kept) or {}
    try:
        disturbances = plan(args)
        models = [(config, str(local_path(checkpoint))) for config, checkpoint in args.model]
        for config, checkpoint in models:
            weights = read_weights(checkpoint)
            for disturbance in disturbances:
                disturbed(config, disturbance, args)
            refuse_misfit(build_model(disturbed(config, None, args)), weights, checkpoint)
        keys = [key_of(config, checkpoint, args) for config, checkpoint in models]
    except (OSError, ValueError) as error:
        raise SystemExit(shown(error)) from None
    scores: dict[str, dict[str, dict[str, float]]] = {}
    for (config, checkpoint), key in zip(models, keys, strict=True):
        found = known[key] = known[key] if isinstance(known.get(key), dict) else {}
        for disturbance in track(disturbances, Path(config).stem):
            name = disturbance.name if disturbance else AS_IT_IS
            if name not in found:
                try:
                    found[name] = test(config, checkpoint, disturbance, args)
                except (OSError, ValueError) as error:
                    raise SystemExit(shown(error)) from None
                write_text(kept, json.dumps(known, indent=1))
        scores[name_of(config, checkpoint, scores)] = found
    conditions = [disturbance.name if disturbance else AS_IT_IS for disturbance in disturbances]
    table = tabulate(scores, conditions)
    write_text(out / 'table.md', table.markdown())
    draw(scores, args, out / 'curves.png')
    print(table.text())


if __name__ == '__main__':
    main()
