"""The loss that tells what a fused image of a visible and an infrared image should be."""

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, l1_loss, pad

from mmdefusion.registry import MODELS

from ..layers import luma
from ..structures import Sensors
from .ssim import C2, local_statistics

BLOCK = 4  # side of the blocks whose means are compared as brightness


@MODELS.register_module()
class IVFLoss(nn.Module):
    """A fused image is as bright as wanted, as sharp as the sharper source, built like it, and coloured as wanted.

    - *Brightness*: mean absolute difference of the luma from the wanted one, in means over 4×4 pixels, so that it does
      not ask for the texture of the wanted image too. (PIAFusion and SwinFusion, both of 2022, want the maximum of the
      sources at every pixel; whoever calls this says what is wanted.)
    - *Gradient*: mean absolute difference of the Sobel gradients of the luma from those of the source that has the
      longer gradient at the pixel. (SeAFusion, PIAFusion and SwinFusion compare magnitudes with their maximum; here the
      direction is kept, so that an edge cannot be met by its negative.)
    - *Structure*: one minus the contrast and structure of SSIM (Wang et al., 2004) of the fused image with each source,
      weighted with the local variances of both (Piella and Heijmans, 2003).
    - *Colour*: mean absolute difference of the three channels from the luma, from the wanted ones.

    All are 0 where a scene has the same structure in both sources and is fused into what is wanted, a flat source too.

    Args:
        brightness, gradient, structure, colour: weights of the four terms.
    """

    def __init__(
        self, brightness: float = 10.0, gradient: float = 40.0, structure: float = 5.0, colour: float = 10.0
    ) -> None:
        super().__init__()
        self.brightness = brightness
        self.gradient = gradient
        self.structure = structure
        self.colour = colour

    def forward(self, fused: Tensor, sources: Sensors, wanted: Tensor) -> dict[str, Tensor]:
        """Computes the weighted terms.

        Args:
            fused: fused images B×3×H×W, RGB in [0, 1].
            sources: visible and infrared images B×3×H×W, whose luma counts.
            wanted: images B×3×H×W whose brightness and colours are wanted.
        """
        fused, wanted = fused.float(), wanted.float()  # gradients are small differences of large numbers
        grey, wanted_grey = luma(fused), luma(wanted)
        visible, infrared = (luma(image.float()) for image in sources)
        return dict(
            loss_brightness=self.brightness * l1_loss(block_means(grey), block_means(wanted_grey)),
            loss_gradient=self.gradient * l1_loss(sobel(grey), longer(sobel(visible), sobel(infrared))),
            loss_structure=self.structure * structure_loss(grey, visible, infrared),
            loss_colour=self.colour * l1_loss(fused - grey, wanted - wanted_grey),
        )


def block_means(image: Tensor) -> Tensor:
    """Means over blocks of pixels; blocks at the border may be smaller."""
    return avg_pool2d(image, BLOCK, ceil_mode=True, count_include_pad=False)


def sobel(image: Tensor) -> Tensor:
    """Gradients B×2×H×W of images B×1×H×W, across and down, in units of the range a pixel; borders are repeated."""
    padded = pad(image, (1, 1, 1, 1), mode='replicate')
    across = padded[..., 2:] - padded[..., :-2]
    down = padded[..., 2:, :] - padded[..., :-2, :]
    across = across[..., :-2, :] + 2 * across[..., 1:-1, :] + across[..., 2:, :]
    down = down[..., :-2] + 2 * down[..., 1:-1] + down[..., 2:]
    return torch.cat([across, down], dim=1) / 8


def longer(one: Tensor, other: Tensor) -> Tensor:
    """At each pixel the longer of two gradients, B×2×H×W."""
    return torch.where(one.square().sum(1, keepdim=True) >= other.square().sum(1, keepdim=True), one, other)


def structure_loss(fused: Tensor, visible: Tensor, infrared: Tensor) -> Tensor:
    """Mean of one minus the contrast and structure of SSIM with both sources, weighted with their local variances."""
    alike, weights = [], []
    for source in (visible, infrared):
        found = local_statistics(fused, source)
        alike.append((2 * found.covariance + C2) / (found.var_x + found.var_y + C2))
        weights.append(found.var_y.clip(min=0))
    total = weights[0] + weights[1] + C2
    return sum(weight / total * (1 - same) for weight, same in zip(weights, alike, strict=True)).mean()
