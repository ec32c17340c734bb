"""Training in bfloat16 on any device."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakSet

import torch
from mmengine.optim import OptimWrapper
from torch import Tensor, nn

from mmdefusion.registry import OPTIM_WRAPPERS

OPERATORS = 'mmcv.ops.'  # the package whose modules run operators that have no bfloat16
CALLERS = {'FocalLoss', 'BaseRoIExtractor'}  # classes of mmdet and mmseg that call them with what they compute


@OPTIM_WRAPPERS.register_module()
class BFloat16OptimWrapper(OptimWrapper):
    """Runs forward passes and losses under autocast to bfloat16, on CPUs too.

    MMEngine's AmpOptimWrapper needs an accelerator and has a gradient scaler, which bfloat16 does not need, as its
    range is that of float32. Weights, gradients and optimizer states stay float32. On CPUs this is faster if the
    processor has bfloat16 instructions (AMX, AVX512-BF16).

    mmcv's operators on GPUs have no bfloat16: what calls them runs in float32 there.

    Args:
        *args, **kwargs: arguments of OptimWrapper.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._prepared: WeakSet[nn.Module] = WeakSet()

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[Any]:
        device = next(model.parameters()).device.type
        if device != 'cpu' and model not in self._prepared:
            keep_operators_in_float32(model, device)
            self._prepared.add(model)
        with super().optim_context(model), torch.autocast(device, dtype=torch.bfloat16):
            yield


def keep_operators_in_float32(model: nn.Module, device: str) -> None:
    """Lets the parts of a model that call operators of mmcv leave autocast: focal loss, deformable attention, RoIAlign.

    They get hooks, which stay: a part that recomputes its activations runs again in the backward pass.
    """
    for module in model.modules():
        if calls_operators(module):
            hooks = Float32Hooks(device)
            module.register_forward_pre_hook(hooks.enter, with_kwargs=True)
            module.register_forward_hook(hooks.leave, always_call=True)


def calls_operators(module: nn.Module) -> bool:
    """Whether a module is one of mmcv's operators, or one that hands them its inputs."""
    kinds = type(module).__mro__
    return any(kind.__module__.startswith(OPERATORS) or kind.__name__ in CALLERS for kind in kinds)


class Float32Hooks:
    """Runs a module in float32 under autocast: one pair of hooks."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.entered: list[torch.autocast] = []

    def enter(self, module: nn.Module, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
        """Before the forward pass: leaves autocast, and casts what the module is given."""
        self.entered.append(torch.autocast(self.device, enabled=False))
        self.entered[-1].__enter__()
        return to_float32(args), to_float32(kwargs)

    def leave(self, module: nn.Module, args: tuple, output: Any) -> None:
        """After it, if it failed too."""
        self.entered.pop().__exit__(None, None, None)


def to_float32(value: Any) -> Any:
    """Casts tensors of 16 bits, also those in lists, tuples and dicts."""
    if isinstance(value, Tensor):
        return value.float() if value.dtype in (torch.bfloat16, torch.float16) else value
    if type(value) in (list, tuple):
        return type(value)(map(to_float32, value))
    return {key: to_float32(one) for key, one in value.items()} if type(value) is dict else value
