"""Measures how many pairs a second and core the training pipelines load, against the toolboxes' loading of one image.

    python tools/analysis_tools/benchmark_loading.py [--size 640x512] [--pairs 40]

Scenes are generated, written as PNG, and loaded by our pipelines of detection and segmentation (read, find and read the
partner, flip, pack) and by the same pipelines without a partner, in turn and in this process: one core, no workers.
Times are processor time. The first round reads the files into the system's cache and does not count.
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import cv2
import torch
from mmengine.config import Config, ConfigDict
from mmengine.registry import DATASETS, init_default_scope

from mmdefusion.experiments.speed.timing import time_in_turn
from mmdefusion.scenes import write_scenes
from mmdefusion.utils.options import Size, interrupted_in_a_line, size

CONFIGS = Path(__file__).resolve().parents[2] / 'configs/_base_/datasets'
TOOLBOXES = {'detection': 'mmdet', 'segmentation': 'mmseg'}


def loader(task: str, root: Path, paired: bool) -> Callable[[], None]:
    """A function that loads every sample of the training part once."""
    config = Config.fromfile(CONFIGS / f'scenes-{task}.py')
    init_default_scope(TOOLBOXES[task])
    dataset = ConfigDict(config.train_dataloader.dataset, data_root=str(root))
    if not paired:
        dataset.pipeline = [step for step in dataset.pipeline if step.type != 'mmdefusion.AppendPartner']
    samples = DATASETS.build(dataset)
    samples.full_init()
    channels = samples[0]['inputs'].shape[0]
    if channels != (4 if paired else 3):
        raise RuntimeError(f'The pipeline of {task} gave {channels} channels.')

    def load() -> None:
        for index in range(len(samples)):
            samples[index]

    return load


@interrupted_in_a_line()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--size', type=size, default=Size(640, 512), metavar='WxH', help='default: 640x512')
    parser.add_argument('--pairs', type=int, default=40, help='number of pairs (default: 40)')
    parser.add_argument('--repeats', type=int, default=7, help='rounds that are timed (default: 7)')
    args = parser.parse_args()
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        root = write_scenes(Path(folder) / 'scenes', train=args.pairs, test=1, size=args.size)
        for task, toolbox in TOOLBOXES.items():
            runs = {name: loader(task, root, name == 'pair') for name in ('pair', toolbox)}
            for run in runs.values():
                run()
            timings = time_in_turn(runs, args.repeats, torch.device('cpu'), 'cpu')
            rates = {name: args.pairs / timing.seconds for name, timing in timings.items()}
            ratio = timings['pair'].seconds / timings[toolbox].seconds
            print(
                f'{task}, {args.size}: {rates["pair"]:.0f} pairs/s and core, {rates[toolbox]:.0f} single images/s as '
                f'{toolbox} loads them: {ratio:.2f} times the time (spread {100 * timings["pair"].spread:.0f} %)'
            )


if __name__ == '__main__':
    main()
