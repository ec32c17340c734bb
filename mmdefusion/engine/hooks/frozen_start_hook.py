"""Keeps pretrained parts frozen while the parts that start from random weights settle."""

from collections.abc import Sequence
from typing import Any

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from torch import nn

from mmdefusion.registry import HOOKS


@HOOKS.register_module()
class FrozenStartHook(Hook):
    """Freezes parts of the model for the first iterations; after them everything is trained.

    Frozen parts get no gradients and no weight decay, and are in evaluation mode (no stochastic depth), so these
    iterations are faster. Parameters that the config freezes itself (``frozen_stages``) stay frozen. A resumed run
    goes on with what its iteration demands.

    Args:
        parts: dotted names of modules, such as ``['backbone', 'neck.0']``.
        iters: number of iterations.
    """

    def __init__(self, parts: Sequence[str], iters: int) -> None:
        self.parts, self.iters = list(parts), iters

    def before_train(self, runner: Any) -> None:
        """Finds the parts.

        Raises:
            ValueError: if the model has no part of a name, or if processes would wait for gradients of frozen parts.
        """
        model, wrapped = runner.model, is_model_wrapper(runner.model)
        finds = any(
            part.get('find_unused_parameters', False)
            for part in (runner.cfg, runner.cfg.get('model_wrapper_cfg') or {})
        )
        if wrapped and not finds:
            raise ValueError(
                'FrozenStartHook in several processes needs find_unused_parameters=True in the config: without it they '
                'wait for gradients of the frozen parts.'
            )
        modules = dict((model.module if wrapped else model).named_modules())
        for name in self.parts:
            if name not in modules:
                raise ValueError(
                    f'FrozenStartHook: the model has no part {name!r}; it has '
                    f'{", ".join(key for key in modules if key and "." not in key)} and what is in them.'
                )
        self.modules = [modules[name] for name in self.parts]
        trained = [weight for module in self.modules for weight in module.parameters() if weight.requires_grad]
        self.trained, self.frozen = trained, False

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        """Freezes the parts, or trains them from now on; a validation has set training mode anew."""
        frozen = runner.iter < self.iters
        if frozen != self.frozen:
            for weight in self.trained:
                weight.requires_grad_(not frozen)
            runner.logger.info(f'{", ".join(self.parts)}: {"frozen" if frozen else "trained"} from here on.')
        if frozen or self.frozen:
            _set_mode(self.modules, training=not frozen)
        self.frozen = frozen


def _set_mode(modules: list[nn.Module], training: bool) -> None:
    for module in modules:
        module.train(training)
