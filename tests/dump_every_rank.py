"""Hooks of distributed runs: what each process has in the end, and nothing dropped (such runs import this module)."""

from pathlib import Path

import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.registry import HOOKS


@HOOKS.register_module()
class DumpEveryRank(Hook):
    """Writes weights and the paths of every batch to ``folder/rank_N.pth``."""

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)
        self.paths = []

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        self.paths.append([sample.img_path for sample in data_batch['data_samples']])

    def after_train(self, runner) -> None:
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        state = {'state_dict': model.state_dict(), 'paths': self.paths}
        torch.save(state, self.folder / f'rank_{get_rank()}.pth')


@HOOKS.register_module()
class DropNothing(Hook):
    """Trains without dropout, which each process samples for itself."""

    def before_train(self, runner) -> None:
        for part in runner.model.modules():
            if isinstance(part, torch.nn.Dropout):
                part.p = 0.0
