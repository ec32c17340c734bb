"""Rescales a map at stride 16 to other strides."""

from torch import nn

from ..layers import LayerNorm2d

STRIDES = (4, 8, 16, 32)


def rescale(stride: int, channels: int) -> tuple[nn.Module, int]:
    """Makes a module that rescales a map at stride 16 to ``stride``, and returns its output channels (ViTDet's rule).

    Each doubling of the resolution halves the channels.
    """
    if stride == 4:
        return nn.Sequential(
            nn.ConvTranspose2d(channels, channels // 2, 2, 2),
            LayerNorm2d(channels // 2),
            nn.GELU(),
            nn.ConvTranspose2d(channels // 2, channels // 4, 2, 2),
        ), channels // 4
    if stride == 8:
        return nn.ConvTranspose2d(channels, channels // 2, 2, 2), channels // 2
    if stride == 16:
        return nn.Identity(), channels
    # ceil_mode: a map of one patch must not vanish
    return nn.MaxPool2d(2, 2, ceil_mode=True), channels
