"""Small runs of all three kinds, as their users start them, for what is killed and resumed."""

import contextlib
import os
import runpy
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from mmengine.config import Config

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / 'tests')]

from helpers.pretraining import joint_config, write_images, write_teacher  # noqa: E402
from helpers.tools_in_process import stock  # noqa: E402

from mmdefusion.scenes import write_scenes  # noqa: E402

OURS = ROOT / 'tools/train.py'
RUNTIME = ROOT / 'configs/_base_/pretraining_runtime.py'


def pretraining(root: Path, work_dir: Path, iterations: int) -> tuple[Path, Config]:
    """Images and pairs in turn, with teachers; our tool."""
    if not (root / 'vi').is_dir():
        write_images(root / 'vi', 7)
        write_images(root / 'ir', 7, seed=1)
        write_teacher(root / 'teacher.pth')
    config = joint_config(root, iterations, work_dir=str(work_dir))
    config.default_hooks = Config.fromfile(RUNTIME).default_hooks
    config.custom_hooks = [dict(type='EMAHook', momentum=0.1)]
    for loader in config.train_dataloader.values():
        loader.num_workers = 0
    return OURS, config


def detection(root: Path, work_dir: Path, iterations: int) -> tuple[Path, Config]:
    """The demo's detector, with two workers; mmdet's tool."""
    config = _on_scenes('defusionpp_vit-nano_atss_1xb2-500_scenes-160x128.py', root, work_dir, iterations)
    config.train_dataloader.update(num_workers=2, persistent_workers=True)
    return stock('mmdet', 'train.py'), config


def segmentation(root: Path, work_dir: Path, iterations: int) -> tuple[Path, Config]:
    """The demo's segmenter; mmseg's tool."""
    config = _on_scenes('defusionpp_vit-nano_fcn_1xb2-850_scenes-160x128.py', root, work_dir, iterations)
    return stock('mmseg', 'train.py'), config


TASKS: dict[str, Callable[[Path, Path, int], tuple[Path, Config]]] = {
    'pretraining': pretraining,
    'detection': detection,
    'segmentation': segmentation,
}


def _on_scenes(name: str, root: Path, work_dir: Path, iterations: int) -> Config:
    scenes = root / 'scenes'
    write_scenes(scenes, train=7, test=1)
    config = Config.fromfile(ROOT / 'configs/demo' / name)
    config.train_dataloader.dataset.data_root = f'{scenes}/'
    config.train_cfg.update(max_iters=iterations, val_interval=iterations + 1)
    config.test_dataloader = config.test_evaluator = config.test_cfg = None
    config.work_dir = str(work_dir)
    return config


def train(tool: Path, config: Path, log: Path, *options: str, arm: Callable[[], None] = lambda: None) -> int:
    """Runs a tool in a child of this process, which has imported everything; returns the child's process id.

    Args:
        tool: train.py of ours or of a toolbox.
        config: its file.
        log: the output is appended to.
        *options: of the tool.
        arm: called in the child before.
    """
    if child := os.fork():
        return child
    code = 1
    try:
        with log.open('a') as file, contextlib.redirect_stdout(file), contextlib.redirect_stderr(file):
            torch.set_num_threads(1)
            arm()
            sys.argv = [str(tool), str(config), *options]
            try:
                runpy.run_path(str(tool), run_name='__main__')
                code = 0
            except BaseException as error:
                print(f'{type(error).__name__}: {error}')
                code = 1
    finally:
        os._exit(code)
    return 0
