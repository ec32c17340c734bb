"""Rescales a map at stride 16 to other strides."""

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from ..layers import LayerNorm2d

STRIDES = (4, 8, 16, 32)
WORTH_FOLDING = 0.75  # share of the products of two maps in a row up to which one in their place is faster


class Doubling(nn.ConvTranspose2d):
    """A transposed convolution that doubles the sides of a map: B×C×h×w to B×out×2h×2w.

    Its kernel and its stride are 2, so that it is a linear map from each pixel to four, and a 1×1 convolution that
    follows can be multiplied into it. On CPUs it is computed so where that is faster, the same to rounding; elsewhere,
    where the network is compiled or exported, it is torch's.

    Args:
        channels: channels of the input.
        out_channels: channels of the output.
    """

    def __init__(self, channels: int, out_channels: int) -> None:
        super().__init__(channels, out_channels, 2, 2)

    def forward(self, x: Tensor, after: nn.Conv2d | None = None) -> Tensor:
        """Doubles a map; ``after`` is a 1×1 convolution that the result has yet to pass."""
        recorded = torch.compiler.is_compiling() or torch.jit.is_tracing()  # then the map may be of any size
        plain = recorded or x.device.type != 'cpu'
        whole = type(after) is nn.Conv2d and not (after._forward_hooks or after._forward_pre_hooks)  # not wrapped
        if whole and not plain and self._worth_folding(x.shape, after.out_channels):
            last = after.weight.flatten(1)
            bias = last @ self.bias if after.bias is None else last @ self.bias + after.bias
            return self._spread(x, last @ self._corners(), bias)
        # forward alone, torch's is faster by a fifth
        doubled = (
            super().forward(x) if plain or not torch.is_grad_enabled() else self._spread(x, self._corners(), self.bias)
        )
        return doubled if after is None else after(doubled)

    def _corners(self) -> Tensor:
        """The linear map to each of the four pixels, 4×out×C."""
        return self.weight.permute(2, 3, 1, 0).flatten(0, 1)

    @staticmethod
    def _spread(x: Tensor, corners: Tensor, bias: Tensor) -> Tensor:
        pixels = linear(x.permute(0, 2, 3, 1), corners.flatten(0, 1), bias.repeat(4)).unflatten(-1, (2, 2, -1))
        return pixels.transpose(2, 3).flatten(3, 4).flatten(1, 2).permute(0, 3, 1, 2)  # from B h w 2 2 out

    def _worth_folding(self, shape: torch.Size, last: int) -> bool:
        """Whether multiplying with a convolution to ``last`` channels first leaves few enough products to be faster."""
        pixels, channels, between = 4 * shape[0] * shape[-2:].numel(), self.in_channels, self.out_channels
        folded = 4 * channels * between * last + pixels * channels * last
        return folded < WORTH_FOLDING * pixels * between * (channels + last)


def rescale(stride: int, channels: int) -> tuple[nn.Module, int]:
    """Makes a module that rescales a map at stride 16 to ``stride``, and returns its output channels (ViTDet's rule).

    Each doubling of the resolution halves the channels.
    """
    if stride == 4:
        return nn.Sequential(
            Doubling(channels, channels // 2),
            LayerNorm2d(channels // 2),
            nn.GELU(),
            Doubling(channels // 2, channels // 4),
        ), channels // 4
    if stride == 8:
        return Doubling(channels, channels // 2), channels // 2
    if stride == 16:
        return nn.Identity(), channels
    # ceil_mode: a map of one patch must not vanish
    return nn.MaxPool2d(2, 2, ceil_mode=True), channels


def rescale_and_project(x: Tensor, rescaled: nn.Module, projection: nn.Conv2d) -> Tensor:
    """Applies what :func:`rescale` made and a 1×1 convolution, as one linear map where that is less work."""
    *parts, last = rescaled if isinstance(rescaled, nn.Sequential) else (rescaled,)
    for part in parts:
        x = part(x)
    return last(x, projection) if isinstance(last, Doubling) else projection(last(x))
