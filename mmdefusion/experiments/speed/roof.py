"""How far a network is from what the machine can do: operations and exponentials against measured rates of both."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from mmdefusion.models.layers import CrossAttention, PatchEmbed, SelfAttention
from mmdefusion.models.layers.transformer_block import Mlp

from .timing import Clock, read_clock

KINDS = SelfAttention, CrossAttention, Mlp, nn.LayerNorm, PatchEmbed


@dataclass(frozen=True)
class Roof:
    """The least that a run can take.

    Attributes:
        operations: multiplications and additions of matrix products and convolutions.
        exponentials: exponentials of softmax; a GELU's error function counts as one.
        seconds: both at the rates of this machine, one after the other.
    """

    operations: int
    exponentials: int
    seconds: float


class _CountExponentials(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.found = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if function.overloadpacket.__name__ in ('_softmax', '_safe_softmax', 'gelu'):
            self.found += args[0].numel()
        return function(*args, **(kwargs or {}))


def count(model: nn.Module, pair: Tensor) -> tuple[int, int]:
    """Counts operations and exponentials of a forward pass, without computing anything."""
    model, exponentials = model.to('meta').eval(), _CountExponentials()
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as operations, exponentials:
        model(pair.to('meta'))
    return operations.get_total_flops(), exponentials.found


def machine_rates(device: torch.device, clock: Clock) -> tuple[float, float]:
    """Operations and exponentials a second, the best of some measurements in float32."""
    a, b = torch.randn(4096, 192, device=device), torch.randn(192, 768, device=device)
    x = torch.randn(2**18, device=device)

    def rate(run: Callable[[], object], work: int, times: int) -> float:
        best = float('inf')
        for _ in range(5):
            start = read_clock(clock, device)
            for _ in range(times):
                run()
            best = min(best, read_clock(clock, device) - start)
        return work * times / best

    out, y = a @ b, x.exp()
    return rate(lambda: torch.mm(a, b, out=out), 2 * a.numel() * 768, 10), rate(lambda: torch.exp(x, out=y), 2**18, 50)


def find_roof(model: nn.Module, pair: Tensor, clock: Clock) -> Roof:
    """The roof of a forward pass; the model is emptied of its weights."""
    operations, exponentials = count(model, pair)
    per_second, exponentials_per_second = machine_rates(pair.device, clock)
    return Roof(operations, exponentials, operations / per_second + exponentials / exponentials_per_second)


def profile(model: nn.Module, run: Callable[[], object], clock: Clock) -> dict[str, float]:
    """Seconds of one run in each kind of module of each part, without those inside one another; the rest by itself."""
    totals, starts, handles = defaultdict(float), [], []
    read = partial(read_clock, clock, next(model.parameters()).device)

    def before(*_) -> None:
        starts.append(read())

    def after(label: str) -> Callable[..., None]:
        def add(*_) -> None:
            totals[label] += read() - starts.pop()

        return add

    for name, module in model.named_modules():
        if isinstance(module, KINDS):
            label = f'{name.split(".")[0]}: {type(module).__name__}'
            handles += [module.register_forward_pre_hook(before), module.register_forward_hook(after(label))]
    start = read()
    run()
    whole = read() - start
    for handle in handles:
        handle.remove()
    return {**totals, 'the rest': whole - sum(totals.values())}
