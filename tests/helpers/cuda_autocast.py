"""What autocast does on CUDA, for tensors that hold no numbers (meta): there is no GPU where the tests run."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

# The lists of torch's CUDA autocast, of what our networks and the heads call. What is in neither runs as it is given.
LOW = {
    *('conv1d', 'conv2d', 'conv3d', 'conv_transpose2d', 'linear', 'matmul', '__matmul__', '__rmatmul__', 'mm', 'bmm'),
    *('addmm', 'baddbmm', 'einsum', 'scaled_dot_product_attention', 'prelu'),
}
HIGH = {
    *('layer_norm', 'group_norm', 'softmax', 'log_softmax', 'exp', 'log', 'pow', '__pow__', '__rpow__', 'sum', 'prod'),
    *('cumsum', 'norm', 'rsqrt', 'reciprocal', 'softplus', 'cosine_similarity', 'cross_entropy_loss', 'cross_entropy'),
    *('mse_loss', 'l1_loss', 'smooth_l1_loss', 'binary_cross_entropy_with_logits', 'cdist'),
}


class CudaAutocast(TorchFunctionMode):
    """Casts as ``torch.autocast('cuda', dtype)`` does."""

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self.dtype = dtype
        self.inside = False

    def __torch_function__(self, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs, name = kwargs or {}, getattr(func, '__name__', '')
        if self.inside or name not in LOW | HIGH:
            return func(*args, **kwargs)
        dtype = self.dtype if name in LOW else torch.float32
        self.inside = True
        try:
            return func(*cast(args, dtype), **{key: cast(value, dtype) for key, value in kwargs.items()})
        finally:
            self.inside = False


def cast(value: Any, dtype: torch.dtype) -> Any:
    if isinstance(value, Tensor):
        return value.to(dtype) if value.is_floating_point() and value.dtype != torch.float64 else value
    return type(value)(cast(one, dtype) for one in value) if type(value) in (list, tuple) else value
