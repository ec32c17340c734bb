"""Training in bfloat16 on any device."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.optim import OptimWrapper
from torch import nn

from mmdefusion.registry import OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class BFloat16OptimWrapper(OptimWrapper):
    """Runs forward passes and losses under autocast to bfloat16, on CPUs too.

    MMEngine's AmpOptimWrapper needs an accelerator and has a gradient scaler, which bfloat16 does not need, as its
    range is that of float32. Weights, gradients and optimizer states stay float32. On CPUs this is faster if the
    processor has bfloat16 instructions (AMX, AVX512-BF16).

    Args:
        **kwargs: arguments of OptimWrapper.
    """

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[Any]:
        device = next(model.parameters()).device.type
        with super().optim_context(model), torch.autocast(device, dtype=torch.bfloat16):
            yield
