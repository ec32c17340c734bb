"""Tests any config of mmdefusion, mmdet or mmseg on a checkpoint with MMEngine's runner.

The toolboxes' own ``tools/test.py`` run the same configs; this tool runs all of them, and can disturb the pairs:
--missing infrared, --missing random:0.3, --shift 8, --corrupt fog:3 (see tools/analysis_tools/robustness.py for tables
of them).
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mmdefusion.utils.mistakes import mistakes_in_a_line, read_config
from mmdefusion.utils.names import shown
from mmdefusion.utils.options import Settings, absent_in_a_line, interrupted_in_a_line, present_file, warn_in_a_line

if TYPE_CHECKING:
    from mmengine.evaluator import DumpResults

    from mmdefusion.experiments import Disturbance


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', type=present_file, help='config file')
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument('--work-dir', help='where logs and results go (default: work_dirs/CONFIG)')
    parser.add_argument(
        '--out', type=pickle_file, help='write the predictions (of mmdet without the truth) to this .pkl file'
    )
    parser.add_argument('--tta', action='store_true', help="test-time augmentation by the config's tta_pipeline")
    parser.add_argument('--show-dir', help='write drawings of the predictions to this folder under the work dir')
    parser.add_argument('--missing', metavar='M', help='drop a sensor: visible, infrared or random:SHARE')
    parser.add_argument('--shift', type=float, metavar='PIXELS', help='shift the infrared image by so many pixels')
    parser.add_argument('--corrupt', metavar='KIND:LEVEL', help='corrupt an image, such as darkness:3')
    parser.add_argument(
        '--cfg-options', nargs='+', action=Settings, help='settings that override those of the config: key.sub=value'
    )
    parser.add_argument(
        '--launcher',
        choices=('none', 'pytorch', 'slurm', 'mpi'),
        default='none',
        help='launcher of several processes (default: none)',
    )
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help='set by the launcher')
    return parser.parse_args()


def pickle_file(text: str) -> str:
    """The type of an argument that names a file of predictions.

    Raises:
        ArgumentTypeError: if it is of another kind; argparse prints its line.
    """
    if not text.endswith(('.pkl', '.pickle')):
        raise argparse.ArgumentTypeError(f'{text} must end in .pkl, which is what MMEngine writes.')
    return text


def disturbances(args: argparse.Namespace) -> list['Disturbance']:
    """The requested disturbances; each is inserted directly after AppendPartner, so the first is applied last."""
    from mmdefusion.experiments import Disturbance

    wanted = [
        (Disturbance.missing, args.missing),
        (Disturbance.corruption, args.corrupt),
        (Disturbance.shift, args.shift),
    ]
    return [make(value) for make, value in wanted if value is not None]


@interrupted_in_a_line()
@absent_in_a_line()
def main() -> None:
    args = parse_args()
    from mmengine.registry import RUNNERS
    from mmengine.runner import Runner

    from mmdefusion.experiments import use_tta
    from mmdefusion.models.checkpoints.weights_fit import read_weights, refuse_misfit
    from mmdefusion.utils.distributed import let_processes_talk

    warn_in_a_line()
    config = read_config(args.config, args.cfg_options)
    config.launcher = args.launcher
    config.work_dir = args.work_dir or config.get('work_dir') or f'work_dirs/{Path(args.config).stem}'
    config.load_from = args.checkpoint
    if args.show_dir:
        if not (config.get('default_hooks') or {}).get('visualization') or not config.get('visualizer'):
            raise SystemExit(
                f'{args.config} has no default_hooks.visualization, or no visualizer, to draw with: add them, or drop '
                '--show-dir.'
            )
        config.default_hooks.visualization.update(draw=True, interval=1)
        config.visualizer.save_dir = str(Path(config.work_dir) / args.show_dir)
    try:
        if args.tta:
            use_tta(config)
        for disturbance in disturbances(args):
            disturbance.apply(config)
        weights = read_weights(args.checkpoint)
    except (OSError, ValueError) as error:
        raise SystemExit(shown(error)) from None
    let_processes_talk(config)
    with mistakes_in_a_line(args.config):
        runner = RUNNERS.build(config) if 'runner_type' in config else Runner.from_cfg(config)
        refuse_misfit(runner.model, weights, args.checkpoint)
        if args.out:
            runner.test_evaluator.metrics.append(writer_of(args.out, config.get('default_scope')))
        runner.test()


def writer_of(path: str, scope: str | None) -> 'DumpResults':
    """What writes predictions to a file; mmdet's compresses the masks of instances, which would fill the memory."""
    if scope == 'mmdet':
        from mmdet.evaluation import DumpDetResults

        return DumpDetResults(path)
    from mmengine.evaluator import DumpResults

    return DumpResults(path)


if __name__ == '__main__':
    main()
