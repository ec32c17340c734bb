"""Linear maps with the activation behind them, in one pass where an x86 CPU only computes forward."""

import platform
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn
from torch.autograd.forward_ad import unpack_dual
from torch.nn import functional

Activation = Literal['none', 'relu', 'gelu']
ACTIVATIONS = {'none': lambda x: x, 'relu': functional.relu, 'gelu': functional.gelu}
GELU_FORMULA = {'gelu': 'none'}  # the exact one, without tanh
MEASURED = 'x86_64', 'AMD64'  # on other processors nobody has timed it
FEWEST = 256  # rows from which on it is faster; for fewer it costs up to a third more


def find_fused() -> Callable[..., Tensor] | None:
    """The operator that torch's compiler takes on CPUs.

    It is private to torch, so it is tried once: None where a build has no oneDNN, or a version has other arguments.
    """
    operator = getattr(torch.ops.mkldnn, '_linear_pointwise', None)
    if operator is None or platform.machine() not in MEASURED:
        return None
    x, one = torch.tensor([[1.0], [-3.0]], dtype=torch.float32), torch.ones(1, 1, dtype=torch.float32)
    try:
        with torch.no_grad():
            found = operator(x, one, one[0], 'relu', [], '')  # x + 1, but at least 0
    except (RuntimeError, TypeError):
        return None
    return operator if found.tolist() == [[2.0], [0.0]] else None


FUSED = find_fused()


def linear(x: Tensor, weight: Tensor, bias: Tensor, activation: Activation = 'none') -> Tensor:
    """activation(x·weightᵀ + bias) of ...×in, the same as torch's to rounding: ...×out.

    Where no gradient is needed, x86 CPUs compute many rows in single precision by oneDNN, which applies the activation
    while the values are at hand and is a tenth faster than torch's own product for the widths of ViTs.
    """
    if not _fusable(x, weight, bias):
        return ACTIVATIONS[activation](functional.linear(x, weight, bias))
    return FUSED(x, weight, bias, activation, [], GELU_FORMULA.get(activation, ''))


def _fusable(x: Tensor, weight: Tensor, bias: Tensor) -> bool:
    if FUSED is None or torch.compiler.is_compiling() or torch.jit.is_tracing():
        return False  # exported networks have standard operators
    if torch.is_grad_enabled() and (x.requires_grad or weight.requires_grad or bias.requires_grad):
        return False
    if torch.is_autocast_enabled('cpu') or not torch.backends.mkldnn.enabled:
        return False
    if (*weight.shape,) != (*bias.shape, x.shape[-1]) or x.shape[:-1].numel() < FEWEST:
        return False  # torch says better what does not fit
    return all(map(_is_plain, (x, weight, bias)))


def is_silent(last: nn.Linear, *before: nn.Module) -> bool:
    """Whether a branch adds 0 to anything and is to stay so: its last linear map is 0, and nothing in it can learn.

    Then it need not be computed (:class:`~mmdefusion.SumInit`). This is asked on CPUs only, where looking at a weight
    costs nothing; not while a network is compiled, exported or transformed, which would write the answer down; and not
    where somebody listens to a part of the branch.

    Args:
        last: the last linear map of the branch.
        before: what leads to it.
    """
    if type(last) is not Linear or torch.compiler.is_compiling() or torch.jit.is_tracing():
        return False
    parameters = last.weight, last.bias
    if not all(map(_is_plain, parameters)):
        return False
    try:
        if last.weight[0, 0] or any(one.any() for one in parameters):  # of most, one weight says it
            return False
    except RuntimeError:  # under vmap and the like there are no values to look at
        return False
    parts = [last, *(part for one in before for part in one.modules())]
    if any(part._forward_hooks or part._forward_pre_hooks for part in parts):
        return False
    return not torch.is_grad_enabled() or not any(one.requires_grad for part in parts for one in part.parameters())


def _is_plain(x: Tensor) -> bool:
    """Whether it is a dense tensor of numbers, and not one that stands for something else, such as a derivative."""
    numbers = type(x) in (Tensor, nn.Parameter) and x.layout == torch.strided and unpack_dual(x).tangent is None
    return numbers and x.device.type == 'cpu' and x.dtype == torch.float32


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
