"""Linear maps with the activation behind them, in one pass where an x86 CPU only computes forward."""

import platform
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

Activation = Literal['none', 'relu', 'gelu']
ACTIVATIONS = {'none': lambda x: x, 'relu': functional.relu, 'gelu': functional.gelu}
GELU_FORMULA = {'gelu': 'none'}  # the exact one, without tanh
MEASURED = 'x86_64', 'AMD64'  # on other processors nobody has timed it
# the operator that torch.compile takes on CPUs; builds of torch without oneDNN lack it
FUSED = getattr(torch.ops.mkldnn, '_linear_pointwise', None) if platform.machine() in MEASURED else None


def linear(x: Tensor, weight: Tensor, bias: Tensor, activation: Activation = 'none') -> Tensor:
    """activation(x·weightᵀ + bias) of ...×in, the same as torch's to rounding: ...×out.

    Where no gradient is needed, x86 CPUs compute it in single precision by oneDNN, which applies the activation while
    the values are at hand and is a tenth faster than torch's own product for the widths of ViTs.
    """
    if not _fusable(x, weight):
        return ACTIVATIONS[activation](functional.linear(x, weight, bias))
    return FUSED(x, weight, bias, activation, [], GELU_FORMULA.get(activation, ''))


def _fusable(x: Tensor, weight: Tensor) -> bool:
    if FUSED is None or torch.compiler.is_compiling() or torch.jit.is_tracing():
        return False  # exported networks have standard operators
    if torch.is_grad_enabled() and (x.requires_grad or weight.requires_grad):
        return False
    single = x.device.type == 'cpu' and x.dtype == weight.dtype == torch.float32
    return single and not torch.is_autocast_enabled('cpu') and torch.backends.mkldnn.enabled


class Linear(nn.Linear):
    """A linear map with a bias and an activation behind it, on the last dimension; names its weights as torch's does.

    Args:
        in_features: width of the input.
        out_features: width of the output.
        activation: 'none', 'relu' or 'gelu' (the exact one).
    """

    def __init__(self, in_features: int, out_features: int, activation: Activation = 'none') -> None:
        super().__init__(in_features, out_features)
        self.activation: Activation = activation

    def forward(self, x: Tensor) -> Tensor:
        return linear(x, self.weight, self.bias, self.activation)

    def extra_repr(self) -> str:
        return f'{super().extra_repr()}, activation={self.activation!r}'
