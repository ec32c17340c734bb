"""What happens once to a toy run in processes of its own."""

import os
import signal
from pathlib import Path

from helpers.toy_run import ToyDataset
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.registry import DATASETS, HOOKS
from torch import Tensor
from torch.utils.data import get_worker_info


def once(marker: str) -> bool:
    """Whether it has not happened yet; now it has."""
    if Path(marker).exists():
        return False
    Path(marker).touch()
    return True


@HOOKS.register_module(force=True)
class SignalHook(Hook):
    """Process 1 gets a signal before the sixth iteration: it dies (SIGKILL) or hangs (SIGSTOP)."""

    def __init__(self, signal: int, marker: str) -> None:
        self.signal, self.marker = signal, marker

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        if runner.iter == 5 and get_rank() == 1 and once(self.marker):
            os.kill(os.getpid(), self.signal)


@DATASETS.register_module(force=True)
class DeadlyDataset(ToyDataset):
    """The worker that loads the sample of a number dies, as one does that the kernel kills for its memory."""

    marker = ''

    def __init__(self, marker: str, **options) -> None:
        self.marker = marker
        super().__init__(**options)

    def prepare_data(self, idx: int) -> dict[str, Tensor]:
        if get_worker_info() and idx == 7 and once(self.marker):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().prepare_data(idx)
