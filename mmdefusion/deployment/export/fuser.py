"""The fuser of images as an exportable module."""

from torch import Tensor, nn

from mmdefusion.models.fusers import ImageFuser
from mmdefusion.models.layers import tokens_to_map
from mmdefusion.models.structures import Pair

OUTPUTS = ('fused', 'common', 'unique_a', 'unique_b', 'alone_visible', 'alone_infrared')


class ExportedFuser(nn.Module):
    """The network of a fuser; sliding windows, detail and colours are the runtime's.

    Args:
        fuser: the network, in evaluation mode.
    """

    outputs = OUTPUTS

    def __init__(self, fuser: ImageFuser) -> None:
        super().__init__()
        self.fuser = fuser

    def forward(self, visible: Tensor, infrared: Tensor) -> tuple[Tensor, ...]:
        """Decodes all images.

        Args:
            visible, infrared: N×3×H×W, RGB from 0 to 255.

        Returns:
            The fused, common and both unique images, and each image fused with itself, N×3×H×W each, in [0, 1] but for
            what the network overshoots.
        """
        decomposition = self.fuser.decompose(Pair(visible / 255, infrared / 255))
        images = self.fuser.decode(decomposition)
        return images.fused, *images[:3], *self.fuser.decode_alone(decomposition.features)


class FusedFeatures(nn.Module):
    """The fused tokens of a fuser as a map N×C×h×w, for heads that are not ours.

    Args:
        fuser: the network, in evaluation mode.
    """

    outputs = ('features',)

    def __init__(self, fuser: ImageFuser) -> None:
        super().__init__()
        self.fuser = fuser

    def forward(self, visible: Tensor, infrared: Tensor) -> tuple[Tensor]:
        decomposition = self.fuser.decompose(Pair(visible / 255, infrared / 255))
        return (tokens_to_map(decomposition.fused, decomposition.features.grid),)
