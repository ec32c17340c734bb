"""What each process of a distributed run has in the end (such runs import this module)."""

from pathlib import Path

import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
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
        state = {'state_dict': runner.model.module.state_dict(), 'paths': self.paths}
        torch.save(state, self.folder / f'rank_{get_rank()}.pth')
