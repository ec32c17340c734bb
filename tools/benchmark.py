"""Trains and tests many models on one data set with the same budget, and writes a report.

    python tools/benchmark.py --list
    python tools/benchmark.py --data configs/_base_/datasets/m3fd.py
        --models defusionpp_vit-tiny_atss,resnet50-visible_atss --seeds 3 --budget 12e --work-dir work_dirs/m3fd

--data is a config with dataloaders and evaluators (its model, if it has one, is not read). A model is a config of
configs/detection, configs/segmentation or configs/baselines, named without batch, schedule and data set, or a file.
Whatever its own schedule is, each is trained for the budget (500i: iterations, 12e: epochs) and tested once at the end.
What is finished is not done again, what was interrupted goes on, and what fails is named in the report.
--launcher pytorch --processes 8 trains on eight GPUs of this machine, --launcher slurm --processes 8 --at-once 4 has
Slurm train four models at a time on eight GPUs each; batches are the data set's times the processes then.
Writes report.html and report.md to --work-dir.
"""

import argparse
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mmengine.config import DictAction

from mmdefusion.evaluation.results import short_name
from mmdefusion.experiments.benchmark import (
    Budget,
    Comparison,
    DataSet,
    Entry,
    describe_fairness,
    reads_fused_images,
    write_fused_images,
    write_report,
)
from mmdefusion.experiments.launcher import KINDS, Launcher
from mmdefusion.models.checkpoints.fitting import read_weights
from mmdefusion.utils.files import make_writable

CONFIGS = Path(__file__).resolve().parents[1] / 'configs'
FOLDERS = ('detection', 'segmentation', 'baselines')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--list', action='store_true', help='name all models and stop')
    parser.add_argument('--data', type=Path, help='config of the data set')
    parser.add_argument('--models', type=lambda text: text.split(','), help='a,b,c')
    parser.add_argument('--seeds', type=int, default=3, help='trainings of each model (default: 3)')
    parser.add_argument('--budget', default='500i', help='500i or 12e (default: 500i)')
    parser.add_argument('--weights', help="of pretraining, for DeFusion++'s networks (default: all start from random)")
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction, default={}, help='settings of all models: key.sub=value'
    )
    parser.add_argument('--launcher', choices=KINDS, default='none', help='of several processes (default: none)')
    parser.add_argument('--processes', type=int, default=1, help='of each training, one a GPU (default: 1)')
    parser.add_argument('--partition', help="Slurm's (default: its own default)")
    parser.add_argument('--at-once', type=int, default=1, help='models that Slurm trains at the same time (default: 1)')
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/benchmark'))
    parser.add_argument('--device', default='cpu', help='that time and memory of a test are measured on')
    args = parser.parse_args()
    if not args.list and not (args.data and args.models):
        parser.error('--data and --models are needed; --list names the models.')
    if min(args.seeds, args.processes, args.at_once) < 1:
        parser.error('--seeds, --processes and --at-once are 1 or more.')
    if args.at_once > 1 and args.launcher != 'slurm':
        parser.error('--at-once is for --launcher slurm: here all models would share the same GPUs.')
    return args


def find_models() -> dict[str, Path]:
    """All configs by their names in reports; where there are several of a name, the one on generated scenes."""
    paths = [path for folder in FOLDERS for path in (CONFIGS / folder).glob('*.py')]
    paths.sort(key=lambda path: ('scenes' in path.name, path.name))
    return {short_name(path): path for path in paths}


def choose(names: Sequence[str]) -> list[Path]:
    """The configs that were asked for."""
    known = find_models()
    paths = [known.get(name, Path(name)) for name in names]
    if unknown := [str(path) for path in paths if not path.is_file()]:
        raise SystemExit(f'{", ".join(unknown)}: no such model; --list names all of them.')
    if len({short_name(path) for path in paths}) < len(paths):
        raise SystemExit('Two of the models have the same name: give each once.')
    return paths


def main() -> None:
    args = parse_args()
    if args.list:
        print('\n'.join(find_models()))
        return
    try:
        launcher = Launcher(args.launcher, args.processes, args.partition)
        if args.weights:
            read_weights(args.weights)
        data, paths = DataSet.load(args.data, args.cfg_options), choose(args.models)
        make_writable(args.work_dir)
        budget = Budget.parse(args.budget)
        comparison = Comparison(data, budget, args.work_dir, args.weights, args.processes, args.cfg_options)
        entries = [
            Entry(short_name(path), [comparison.plan(path, seed) for seed in range(args.seeds)]) for path in paths
        ]
        facts = describe_fairness([entry.config for entry in entries], comparison)
        if any(reads_fused_images(entry.config) for entry in entries):
            write_fused_images(data, comparison.fused)
    except (OSError, ValueError) as error:
        raise SystemExit(str(error)) from None
    with ThreadPoolExecutor(args.at_once) as pool:
        list(pool.map(lambda entry: entry.train(launcher), entries))
    for entry in entries:
        entry.measure(args.device)
    print(f'written: {write_report(entries, data, facts, args.work_dir)}')
    if failed := [entry.name for entry in entries if entry.error]:
        raise SystemExit(f'failed: {", ".join(failed)}')


if __name__ == '__main__':
    main()
