"""Stops before a broken model is saved."""

from typing import Any

import torch
from mmengine.hooks import Hook

from mmdefusion.registry import HOOKS


@HOOKS.register_module()
class FiniteLossHook(Hook):
    """Ends the run at the first loss that is NaN or infinite, naming the iteration and all losses.

    It stands before the checkpoint hook, so that the last checkpoint is a good one.
    """

    priority = 'VERY_HIGH'

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: dict[str, torch.Tensor] | None = None
    ) -> None:
        """Check the losses of this iteration.

        Raises:
            FloatingPointError: if one is not finite.
        """
        if all(torch.isfinite(value).all() for value in outputs.values()):
            return
        losses = ', '.join(f'{name} {float(value):.4g}' for name, value in outputs.items())
        raise FloatingPointError(
            f'Iteration {runner.iter + 1}: a loss is not finite ({losses}). The checkpoints in {runner.work_dir} are '
            'from before: lower the learning rate or optim_wrapper.clip_grad.max_norm and resume from the latest.'
        )
