"""The patch embedding."""

from torch import Tensor, nn
from torch.nn.functional import pad

from mmdefusion.rules.patches import PATCH_SIZE


class PatchEmbed(nn.Module):
    """Non-overlapping convolution: B×3×H×W to tokens B×(h·w)×C, row-major, h = ceil(H/16), w = ceil(W/16).

    An image whose sides are not multiples of the patch size is extended, see :func:`extend_to_patches`.

    Args:
        embed_dims: width C of the tokens.
    """

    def __init__(self, embed_dims: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, embed_dims, PATCH_SIZE, PATCH_SIZE)

    def forward(self, image: Tensor) -> tuple[Tensor, tuple[int, int]]:
        patches = self.proj(extend_to_patches(image))
        return patches.flatten(2).transpose(1, 2), tuple(patches.shape[-2:])


def extend_to_patches(image: Tensor) -> Tensor:
    """Extends B×C×H×W to whole patches at the bottom and the right by its last pixels, which add no artificial edge."""
    # rounded up without negative numbers, which ONNX divides towards 0 where sizes are open
    bottom, right = ((side + PATCH_SIZE - 1) // PATCH_SIZE * PATCH_SIZE - side for side in image.shape[-2:])
    return pad(image, (0, right, 0, bottom), mode='replicate') if bottom or right else image
