"""Trains any config of mmdefusion, mmdet or mmseg with MMEngine's runner.

The toolboxes' own ``tools/train.py`` run the same configs; this tool runs all of them.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mmdefusion.utils.files import make_writable
from mmdefusion.utils.mistakes import mistakes_in_a_line, read_config
from mmdefusion.utils.names import shown
from mmdefusion.utils.options import Settings, absent_in_a_line, interrupted_in_a_line, present_file
from mmdefusion.utils.type_names import type_name

if TYPE_CHECKING:
    from mmengine.config import Config

NEEDED = 'model', 'train_dataloader', 'train_cfg', 'optim_wrapper'
ACCELERATORS = 'cuda', 'npu', 'mlu', 'musa'  # that MMEngine's AmpOptimWrapper takes


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', type=present_file, help='config file')
    parser.add_argument('--work-dir', help='where logs and checkpoints go (default: work_dirs/CONFIG)')
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        help='go on from this checkpoint, or from the latest whole one in the work dir where none is named',
    )
    parser.add_argument('--amp', action='store_true', help='mixed precision (needs an accelerator, except in bfloat16)')
    parser.add_argument('--auto-scale-lr', action='store_true', help='scale the learning rate with the batch size')
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


@interrupted_in_a_line()
@absent_in_a_line()
def main() -> None:
    args = parse_args()
    from mmengine.registry import RUNNERS
    from mmengine.runner import Runner

    from mmdefusion.engine import resume_latest, use_safe_checkpoints
    from mmdefusion.models.checkpoints.errors import CheckpointError
    from mmdefusion.models.checkpoints.weights_fit import read_weights
    from mmdefusion.utils.distributed import let_processes_talk, telling_of_lost_processes

    config = read_config(args.config, args.cfg_options)
    config.launcher = args.launcher
    config.work_dir = args.work_dir or config.get('work_dir') or f'work_dirs/{Path(args.config).stem}'
    if args.auto_scale_lr:
        if 'base_batch_size' not in (config.get('auto_scale_lr') or {}):
            raise SystemExit(f'{args.config} has no auto_scale_lr.base_batch_size: add it, or drop --auto-scale-lr.')
        config.auto_scale_lr.enable = True
    if args.resume == 'auto':
        try:
            resume_latest(config)
        except PermissionError as error:
            raise SystemExit(f'{shown(error)}: let this user read it, or name another folder by --work-dir.') from None
    elif args.resume:
        config.resume, config.load_from = True, args.resume
    if config.get('load_from'):
        try:
            read_weights(config.load_from)
        except (OSError, ValueError) as error:
            raise SystemExit(shown(error)) from None
    refuse_no_training(config, args.config)
    if args.amp:
        use_amp(config)
    use_safe_checkpoints(config)
    let_processes_talk(config)
    try:
        with mistakes_in_a_line(args.config):
            runner = RUNNERS.build(config) if 'runner_type' in config else Runner.from_cfg(config)
            with telling_of_lost_processes(config):
                runner.train()
    except (CheckpointError, FloatingPointError) as error:
        raise SystemExit(shown(error)) from None


def refuse_no_training(config: 'Config', name: str) -> None:
    """Ends with a line if a config is not that of a training, or nothing can be written into its work dir."""
    if lacking := [key for key in NEEDED if not config.get(key)]:
        raise SystemExit(f'{name} has no {", ".join(lacking)}: give the config of a training.')
    try:
        make_writable(config.work_dir)
    except OSError as error:
        raise SystemExit(f'{shown(error)} Name it by --work-dir.') from None


def use_amp(config: 'Config') -> None:
    """Trains in half precision; a config that trains in bfloat16 already stays as it is."""
    from mmengine.device import get_device

    if type_name({'type': 'OptimWrapper', **config.optim_wrapper}) == 'BFloat16OptimWrapper':
        return
    if get_device() not in ACCELERATORS:
        raise SystemExit(
            '--amp needs an accelerator, and there is none: on a CPU, give --cfg-options '
            'optim_wrapper.type=mmdefusion.BFloat16OptimWrapper instead.'
        )
    config.optim_wrapper.type = 'AmpOptimWrapper'
    config.optim_wrapper.setdefault('loss_scale', 'dynamic')


if __name__ == '__main__':
    main()
