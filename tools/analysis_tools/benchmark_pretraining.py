"""Measures iterations per second, peak memory and the share of loading time of any training config.

    python tools/analysis_tools/benchmark_pretraining.py CONFIG [--iters 20] [--workers 2] [--cfg-options ...]

Nothing is saved. Memory is the peak of the main process, or of the GPU if there is one.
"""

import argparse
import resource
import tempfile

import torch
from mmengine.config import Config, DictAction
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmdefusion.utils.options import absent_in_a_line, interrupted_in_a_line, present_file
from mmdefusion.utils.type_names import type_name

WARM_UP = 3
# hooks that draw or write, or that compute weights before the first step
LEFT_OUT = ('BrokenFilesHook', 'ClosedFormInitHook', 'PairedVisualizationHook', 'PretrainingPanelHook')


class Stopwatch(Hook):
    """Records how long each iteration waited for data, and how long it took in total."""

    priority = 'LOWEST'

    def __init__(self) -> None:
        self.waits: list[float] = []
        self.times: list[float] = []

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        scalars = runner.message_hub.log_scalars
        self.waits.append(scalars['train/data_time'].current())
        self.times.append(scalars['train/time'].current())


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', type=present_file, help='config of a training')
    parser.add_argument('--iters', type=int, default=20, help=f'to time, after {WARM_UP} to warm up (default: 20)')
    parser.add_argument('--workers', type=int, default=2, help='workers of each dataloader (default: 2)')
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction, help='settings that override those of the config: key.sub=value'
    )
    return parser.parse_args()


def prepare(args: argparse.Namespace, work_dir: str) -> Config:
    """Changes the config to a short run that saves nothing."""
    config = Config.fromfile(args.config)
    config.merge_from_dict(args.cfg_options or {})
    config.work_dir, config.load_from = work_dir, None
    config.val_dataloader = config.val_evaluator = config.val_cfg = None
    steps = dict(max_iters=WARM_UP + args.iters, val_interval=10**9)
    if 'max_iters' in config.train_cfg:
        config.train_cfg.update(steps)
    else:  # it counts epochs
        config.train_cfg = dict(type='IterBasedTrainLoop', **steps)
    config.default_hooks.checkpoint = None  # without this key, MMEngine would save checkpoints
    config.custom_hooks = [hook for hook in config.get('custom_hooks') or [] if type_name(hook) not in LEFT_OUT]
    config.log_level = 'WARNING'
    loaders = config.train_dataloader
    for loader in [loaders] if 'dataset' in loaders else loaders.values():
        loader.update(num_workers=args.workers, persistent_workers=args.workers > 0)
    return config


@interrupted_in_a_line()
@absent_in_a_line()
def main() -> None:
    args = parse_args()
    watch = Stopwatch()
    with tempfile.TemporaryDirectory() as work_dir:
        runner = Runner.from_cfg(prepare(args, work_dir))
        runner.register_hook(watch)
        runner.train()
    waits, times = watch.waits[WARM_UP:], watch.times[WARM_UP:]
    if torch.cuda.is_available():
        memory = torch.cuda.max_memory_allocated() / 2**20
    else:
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f'{len(times) / sum(times):.3f} iterations/s ({sum(times) / len(times):.3f} s each), waiting for data '
        f'{100 * sum(waits) / sum(times):.1f} % of the time, peak memory {memory:.0f} MiB, '
        f'{len(times)} iterations, {torch.get_num_threads()} threads, {args.workers} workers'
    )


if __name__ == '__main__':
    main()
