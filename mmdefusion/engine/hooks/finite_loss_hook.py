"""Stops before a broken model is saved."""

from typing import Any

import torch
from mmengine.dist import all_reduce
from mmengine.hooks import Hook

from mmdefusion.registry import HOOKS


@HOOKS.register_module()
class FiniteLossHook(Hook):
    """Ends the run, in all its processes, at the first loss that is NaN or infinite, naming the iteration and losses.

    A finite loss can still have a gradient that is not; so weights are looked at before they are saved. Both ways
    the last checkpoint is a good one.
    """

    priority = 'VERY_HIGH'  # before the checkpoint hook

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: dict[str, torch.Tensor] | None = None
    ) -> None:
        """Check the losses of this iteration.

        Raises:
            FloatingPointError: if one is not finite, here or in another process.
        """
        finite = torch.stack([value.detach().isfinite().all() for value in outputs.values()]).all().float()
        all_reduce(finite, 'min')
        if finite:
            return
        losses = ', '.join(f'{name} {float(value):.4g}' for name, value in outputs.items())
        raise FloatingPointError(
            f'Iteration {runner.iter + 1}: a loss is not finite ({losses}). The checkpoints in {runner.work_dir} are '
            'from before: lower the learning rate or optim_wrapper.clip_grad.max_norm and resume from the latest.'
        )

    def before_save_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        """Check the weights.

        Raises:
            FloatingPointError: if one is not finite; nothing is saved.
        """
        weights, iteration = checkpoint['state_dict'], checkpoint['meta']['iter']
        if bad := [name for name, value in weights.items() if not value.isfinite().all()]:
            raise FloatingPointError(
                f'Iteration {iteration}: {len(bad)} weights are not finite, first {bad[0]}, and were not '
                f'saved. The checkpoints in {runner.work_dir} are from before: lower the learning rate and resume from '
                'the latest.'
            )
