"""Trains and tests many models on one data set with the same budget, and writes a report.

    python tools/benchmark.py --list
    python tools/benchmark.py --data configs/_base_/datasets/m3fd.py
        --models defusionpp_vit-tiny_atss,resnet50-visible_atss --seeds 3 --budget 12e --work-dir work_dirs/m3fd

--data is a config with dataloaders and evaluators (its model, if it has one, is not used). A model is a config of
configs/detection, configs/segmentation or configs/baselines, named without batch, schedule and data set, or a file.
MODEL@WEIGHTS starts DeFusion++'s network from weights of its own (@tiny: those of the package). Each is trained for the
budget (500i: iterations, 12e: epochs, 10min: minutes of training steps) instead of its own schedule, and tested once at
the end. --light gives all models narrow maps and a head of one convolution.
Finished trainings are not repeated, interrupted ones are resumed, and the report names failed ones. --launcher pytorch
--processes 8 trains on eight GPUs of this machine; --launcher slurm --processes 8 --at-once 4 trains four models at a
time on eight GPUs each by Slurm. The batch size is then that of the data set times the processes. Writes report.html
and report.md to --work-dir.
"""

import argparse
from functools import partial
from pathlib import Path

from mmdefusion.experiments.launcher import KINDS, Launcher
from mmdefusion.utils.names import shown
from mmdefusion.utils.options import Settings, interrupted_in_a_line


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--list', action='store_true', help='list all models and exit')
    parser.add_argument('--data', type=Path, help='config of the data set')
    parser.add_argument('--models', type=lambda text: text.split(','), help='a,b,c')
    parser.add_argument('--seeds', type=int, default=3, help='number of trainings of each model (default: 3)')
    parser.add_argument('--budget', default='500i', help='500i, 12e or 10min (default: 500i)')
    parser.add_argument('--weights', help="pretrained weights for DeFusion++'s networks (default: random weights)")
    parser.add_argument('--light', action='store_true', help='light heads, for a CPU')
    parser.add_argument(
        '--cfg-options', nargs='+', action=Settings, default={}, help='settings of all models: key.sub=value'
    )
    parser.add_argument(
        '--launcher', choices=KINDS, default='none', help='launcher of several processes (default: none)'
    )
    parser.add_argument('--processes', type=int, default=1, help='processes of each training, one per GPU (default: 1)')
    parser.add_argument('--partition', help="partition of Slurm (default: Slurm's default)")
    parser.add_argument('--at-once', type=int, default=1, help='models that Slurm trains at the same time (default: 1)')
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/benchmark'))
    parser.add_argument('--device', default='cpu', help='device on which time and memory of a test are measured (default: cpu)')
    args = parser.parse_args()
    if not args.list and not (args.data and args.models):
        parser.error('--data and --models are needed; --list names the models.')
    if min(args.seeds, args.processes, args.at_once) < 1:
        parser.error('--seeds, --processes and --at-once are 1 or more.')
    if args.at_once > 1 and args.launcher != 'slurm':
        parser.error('--at-once is for --launcher slurm: here all models would share the same GPUs.')
    return args


@interrupted_in_a_line('the same command goes on from here')
def main() -> None:
    args = parse_args()
    from mmdefusion.experiments.benchmark import models_by_task, run_benchmark

    if args.list:
        for task, names in models_by_task().items():
            print(f'{task}:', *names, sep='\n  ')
        return
    try:
        found = run_benchmark(
            args.data,
            args.models,
            args.budget,
            args.seeds,
            args.work_dir,
            args.weights,
            args.cfg_options,
            Launcher(args.launcher, args.processes, args.partition),
            args.at_once,
            args.device,
            notify=partial(print, flush=True),
            light=args.light,
        )
    except (OSError, RuntimeError, ValueError) as error:
        raise SystemExit(shown(error)) from None
    if found.scores:
        print(found.scores.text())
    print(f'written: {found.report}')
    if found.failed:
        raise SystemExit(f'failed: {", ".join(found.failed)}')


if __name__ == '__main__':
    main()
