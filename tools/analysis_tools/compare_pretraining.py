"""Does pretraining help? Trains configs from random and from pretrained weights, with several seeds, and tests each.

    python tools/analysis_tools/compare_pretraining.py CONFIG [CONFIG ...] --weights tiny

Every config is trained for the same number of iterations from both starts, and tested once, after the last iteration;
no checkpoint is picked on the test split. Writes WORK_DIR/table.md. Finished trainings are not repeated, interrupted
ones are resumed.
"""

import argparse
from pathlib import Path

from mmengine.config import Config, DictAction

from mmdefusion.evaluation.trial_scores import NAMES, mean_and_range, score_in_percent
from mmdefusion.experiments import Trial
from mmdefusion.experiments.benchmark.plan import starting_points
from mmdefusion.experiments.data_digest import digest_data
from mmdefusion.models.checkpoints.fetching import hash_weights, local_path
from mmdefusion.models.checkpoints.weights_fit import read_weights
from mmdefusion.utils.files import write_text
from mmdefusion.utils.names import shown
from mmdefusion.utils.options import interrupted_in_a_line
from mmdefusion.utils.progress import track
from mmdefusion.visualization import Table

STARTS = ('random', 'pretrained')
SCORES = ('coco/bbox_mAP_50', 'coco/bbox_mAP', 'mIoU')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        'configs', nargs='+', type=Path, help='configs of detectors or segmenters with the width of the weights'
    )
    parser.add_argument('--weights', required=True, help="a file, a URL, or 'tiny', which comes along")
    parser.add_argument('--seeds', type=int, default=3, help='number of trainings per config and start (default: 3)')
    parser.add_argument(
        '--work-dir',
        type=Path,
        default=Path('work_dirs/compare_pretraining'),
        help='folder of the trainings and the table (default: %(default)s)',
    )
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, default={}, help='for all: key.sub=value')
    args = parser.parse_args()
    for path in args.configs:
        if not path.is_file():
            parser.error(f'{path} is not there.')
    try:
        args.weights = local_path(args.weights)
        read_weights(args.weights)
    except (OSError, ValueError) as error:
        parser.error(shown(error))
    if len({path.stem for path in args.configs}) < len(args.configs):
        parser.error('two of the configs have the same name; each needs one of its own for its folder.')
    return args


def plan(path: Path, start: str, seed: int, data: str, args: argparse.Namespace) -> Trial:
    """Plans one training of one config on data of a digest.

    Raises:
        ValueError: if the config starts from weights of its own, or counts epochs.
    """
    config = Config.fromfile(path)
    config.merge_from_dict(args.cfg_options)
    if own := [*starting_points(config.model)]:
        raise ValueError(
            f'{path}: its model starts from {own[0]} by init_cfg, so none of its trainings would be random: set that '
            'init_cfg to None, or compare starts with tools/benchmark.py --models MODEL,MODEL@WEIGHTS.'
        )
    if 'max_iters' not in config.train_cfg:
        raise ValueError(f'{path} counts epochs: give a config whose train_cfg has max_iters.')
    pretrained = start == 'pretrained'
    config.load_from = str(args.weights) if pretrained else None
    config.randomness = dict(seed=seed)
    config.train_cfg.val_interval = config.train_cfg.max_iters + 1
    basis = f'{data} {hash_weights(args.weights)}' if pretrained else data
    return Trial.of(config, args.work_dir / f'{path.stem}_{start}_seed{seed}', basis, args.work_dir)


def tabulate(groups: dict[tuple[Path, str], list[Trial]]) -> Table:
    """Makes the table: a row for each config and score, with random and pretrained weights."""
    rows = []
    for path in dict.fromkeys(path for path, _ in groups):
        found = {start: [trial.metrics() for trial in groups[path, start]] for start in STARTS}
        present = {key for metrics in found.values() for scores in metrics for key in scores}
        for key in filter(present.__contains__, SCORES):
            cells = [mean_and_range(score_in_percent(scores, key) for scores in found[start]) for start in STARTS]
            rows.append([path.stem, NAMES[key], *cells])
    return Table(['config', 'score', *STARTS], rows, 'Percent; mean ± standard deviation (least to greatest).')


def digest(path: Path, args: argparse.Namespace) -> str:
    """What one config trains and tests on."""
    config = Config.fromfile(path)
    config.merge_from_dict(args.cfg_options)
    return digest_data(config, 'train', 'test')


@interrupted_in_a_line()
def main() -> None:
    try:
        print(compare(parse_args()).text())
    except (OSError, RuntimeError, ValueError) as error:
        raise SystemExit(shown(error)) from None


def compare(args: argparse.Namespace) -> Table:
    """Trains and tests what is not done, and writes the table.

    Raises:
        OSError, ValueError: if the data cannot be listed, a config cannot be compared, or files cannot be written.
        RuntimeError: if a training fails.
    """
    data = {path: digest(path, args) for path in args.configs}
    groups = {
        (path, start): [plan(path, start, seed, data[path], args) for seed in range(args.seeds)]
        for path in args.configs
        for start in STARTS
    }
    waiting = [trial for trials in groups.values() for trial in trials if not trial.done()]
    print(f'{sum(map(len, groups.values()))} trainings, {len(waiting)} to do; logs in {args.work_dir}/*/output.log')
    for trial in track(waiting, 'training'):
        trial.run()
    table = tabulate(groups)
    write_text(args.work_dir / 'table.md', table.markdown())
    return table


if __name__ == '__main__':
    main()
