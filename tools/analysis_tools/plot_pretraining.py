"""Plots PSNR and SSIM of fused held-out images over the iterations of pretraining.

    python tools/analysis_tools/plot_pretraining.py work_dirs/STAGE1 [work_dirs/STAGE2 ...] --out curves.png

Successive stages are drawn one after another. `--random CONFIG` validates the model of that config without training and
draws its scores as dashed lines.
"""

import argparse
import tempfile
from pathlib import Path

import matplotlib

matplotlib.use('Agg')
import matplotlib.pyplot as plt
from mmengine.config import Config
from mmengine.runner import Runner

from mmdefusion.utils.names import shown
from mmdefusion.utils.options import absent_in_a_line, interrupted_in_a_line, present_file
from mmdefusion.utils.run_log import validation_scores
from mmdefusion.visualization.plots import write_figure

KINDS = {'views': 'from masked views', 'identical': 'from two identical images'}
Curve = dict[int, dict[str, float]]  # scores by iteration
SCORES = {'psnr': 'PSNR (dB)', 'ssim': 'SSIM'}


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('work_dirs', nargs='+', type=Path, help='work dirs of pretraining, in the order of the stages')
    parser.add_argument(
        '--random', type=present_file, metavar='CONFIG', help='also validate this config with random weights'
    )
    parser.add_argument('--out', default='curves.png', help='file of the plot (default: curves.png)')
    return parser.parse_args()


def read_curve(work_dir: Path) -> Curve:
    """Scores of the fused images by iteration."""
    curve = {iteration: without_prefix(scores) for iteration, scores in validation_scores(work_dir).items()}
    if not any(curve.values()):
        raise SystemExit(f'{work_dir} has no validation scores (fused/...) in */vis_data/scalars.json.')
    return curve


def without_prefix(scores: dict[str, float]) -> dict[str, float]:
    return {key.removeprefix('fused/'): value for key, value in scores.items() if key.startswith('fused/')}


def random_level(path: str) -> dict[str, float]:
    """Scores of the initialised model of a config on its held-out images."""
    config = Config.fromfile(path)
    config.load_from, config.custom_hooks, config.log_level = None, [], 'WARNING'
    with tempfile.TemporaryDirectory() as work_dir:
        config.work_dir = work_dir
        return without_prefix(Runner.from_cfg(config).val())


def join_stages(stages: list[Curve]) -> tuple[Curve, list[int]]:
    """Joins the curves of successive stages, and returns the iterations at which stages end."""
    joined, ends = {}, [0]
    for stage in stages:
        joined |= {ends[-1] + iteration: scores for iteration, scores in stage.items()}
        ends.append(max(joined))
    return joined, ends[1:]


def draw(curve: Curve, ends: list[int], random: dict[str, float], out: str) -> None:
    figure, axes = plt.subplots(1, len(SCORES), figsize=(10, 3.6), constrained_layout=True)
    for axis, (score, title) in zip(axes, SCORES.items(), strict=True):
        for (kind, name), colour in zip(KINDS.items(), ('tab:orange', 'tab:blue'), strict=True):
            axis.plot(curve.keys(), [scores[f'{score}_{kind}'] for scores in curve.values()], color=colour, label=name)
            if random:
                axis.axhline(random[f'{score}_{kind}'], color=colour, linestyle='--', label=f'{name}, random weights')
        for end in ends[:-1]:
            axis.axvline(end, color='grey', linestyle=':')
        axis.set(xlabel='iterations', ylabel=title)
        axis.grid(alpha=0.3)
    axes[0].legend(fontsize='small')
    write_figure(out, figure)


@interrupted_in_a_line()
@absent_in_a_line()
def main() -> None:
    args = parse_args()
    curve, ends = join_stages([read_curve(work_dir) for work_dir in args.work_dirs])
    random = random_level(args.random) if args.random else {}
    for name, scores in {'random': random, **{f'iteration {key}': value for key, value in curve.items()}}.items():
        print(f'{name:16s}', '  '.join(f'{key} {value:.3f}' for key, value in scores.items()))
    try:
        draw(curve, ends, random, args.out)
    except OSError as error:
        raise SystemExit(shown(error)) from None
    print(args.out)


if __name__ == '__main__':
    main()
