"""Training in bfloat16 on any device."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch
from mmengine.optim import OptimWrapper
from torch import Tensor, nn

from mmdefusion.registry import OPTIM_WRAPPERS

OPERATORS = 'mmcv.ops.'  # the package whose modules run operators that have no bfloat16
CALLERS = {'FocalLoss', 'BaseRoIExtractor', 'RPNHead'}  # classes of mmdet and mmseg that call them, or what does


@OPTIM_WRAPPERS.register_module()
class BFloat16OptimWrapper(OptimWrapper):
    """Runs forward passes and losses under autocast to bfloat16, on CPUs too.

    MMEngine's AmpOptimWrapper needs an accelerator and has a gradient scaler, which bfloat16 does not need, as its
    range is that of float32. Weights, gradients and optimizer states stay float32. On CPUs this is faster if the
    processor has bfloat16 instructions (AMX, AVX512-BF16).

    Most operators of mmcv have no bfloat16: what calls them runs in float32.

    Args:
        *args, **kwargs: arguments of OptimWrapper.
    """

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[Any]:
        device = next(model.parameters()).device.type
        keep_operators_in_float32(model, device)
        with super().optim_context(model), torch.autocast(device, dtype=torch.bfloat16):
            yield


def keep_operators_in_float32(model: nn.Module, device: str) -> None:
    """Lets the parts of a model leave autocast that call operators of mmcv: focal loss, deformable attention, RoIAlign,
    and the NMS of proposals.

    They get hooks, once, which stay: a part that recomputes its activations runs again in the backward pass.
    """
    for module in model.modules():
        if calls_operators(type(module)) and not has_hooks(module):
            hooks = Float32Hooks(device)
            module.register_forward_pre_hook(hooks.enter, with_kwargs=True)
            module.register_forward_hook(hooks.leave, always_call=True)


@cache
def calls_operators(kind: type[nn.Module]) -> bool:
    """Whether modules of a class are operators of mmcv, or hand them what they get or compute."""
    return any(one.__module__.startswith(OPERATORS) or one.__name__ in CALLERS for one in kind.__mro__)


def has_hooks(module: nn.Module) -> bool:
    return any(isinstance(getattr(hook, '__self__', None), Float32Hooks) for hook in module._forward_pre_hooks.values())


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
