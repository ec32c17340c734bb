"""Ends a run before a model with NaN is saved."""

from collections.abc import Mapping
from typing import Any

import torch
from mmengine.dist import all_reduce
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from torch import Tensor
from torch.nn.utils import get_total_norm

from mmdefusion.models.checkpoints.unwrap import usable
from mmdefusion.registry import HOOKS


@HOOKS.register_module()
class FiniteLossHook(Hook):
    """Ends the run in all processes at the first loss or weight that is NaN or infinite, and names it.

    Weights are checked too, as a finite loss can have a gradient that is not. Gradients are not checked: under float16
    some overflow, and the step is skipped. Everything else in a checkpoint is checked before it is saved, by the rule
    of those that read it, so the last checkpoint can always be used. Masks of attention may hold infinities.
    """

    priority = 'VERY_HIGH'  # before the checkpoint hook

    def before_train(self, runner: Any) -> None:
        """Checks the buffers, so that no training is lost by what could never be saved.

        Raises:
            FloatingPointError: if one is not finite and no mask of zeros and infinities.
        """
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        if bad := _unusable(_saved_buffers(model)):
            raise FloatingPointError(
                f'{len(bad)} buffers of the model are not finite before the training begins, first {bad[0]}: only '
                'masks of zeros and infinities are saved. Give another start, fill it with finite numbers, or leave it '
                'out of checkpoints by register_buffer(..., persistent=False).'
            )

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: dict[str, Tensor] | None = None
    ) -> None:
        """Checks the losses of this iteration, and the weights after it.

        Raises:
            FloatingPointError: if a loss or a weight is not finite, in this or another process.
        """
        losses = {name: torch.as_tensor(value) for name, value in outputs.items() if 'loss' in name}
        finite = torch.tensor([all(map(_finite, losses.values())), _finite(total_norm(runner.model))]).float()
        all_reduce(finite, 'min')
        if finite.all():
            return
        if not finite[0]:
            found = 'a loss is not finite (' + ', '.join(f'{k} {float(v):.4g}' for k, v in losses.items()) + ')'
        else:
            found = _describe([name for name, weight in runner.model.named_parameters() if not _finite(weight)])
        raise FloatingPointError(_message(runner, runner.iter + 1, found))

    def before_save_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        """Checks everything that is saved of the model.

        Raises:
            FloatingPointError: if something is not finite; nothing is saved.
        """
        if bad := _unusable(checkpoint['state_dict']):
            raise FloatingPointError(_message(runner, checkpoint['meta']['iter'], _describe(bad)))


def total_norm(model: torch.nn.Module) -> Tensor:
    """The norm of all trained weights, which is finite only if all of them are; 1 ms for a million weights."""
    return get_total_norm([weight.detach() for weight in model.parameters() if weight.requires_grad])


def _finite(value: Any) -> bool:
    return not isinstance(value, Tensor) or bool(value.isfinite().all())


def _unusable(state: Mapping[str, Any]) -> list[str]:
    return [name for name, value in state.items() if isinstance(value, Tensor) and not usable(name, value)]


def _saved_buffers(model: torch.nn.Module) -> dict[str, Tensor]:
    """The buffers that checkpoints hold, without ``state_dict()``, which gathers all parameters under FSDP.

    Those of torch's observers of quantization are left out: they begin as infinities, and the first batch fills them.
    """
    return {
        f'{prefix}.{name}'.lstrip('.'): value
        for prefix, module in model.named_modules()
        if not hasattr(module, 'calculate_qparams')
        for name, value in module.named_buffers(recurse=False)
        if name not in module._non_persistent_buffers_set
    }


def _describe(bad: list[str]) -> str:
    return f'{len(bad)} weights are not finite, first {bad[0]}' if bad else 'weights of another process are not finite'


def _message(runner: Any, iteration: int, found: str) -> str:
    return (
        f'Iteration {iteration}: {found}, and nothing was saved. The checkpoints in {runner.work_dir} are from before: '
        'lower the learning rate or optim_wrapper.clip_grad.max_norm and resume from the latest.'
    )
