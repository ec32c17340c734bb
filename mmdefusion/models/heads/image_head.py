"""The head that decodes tokens to an image."""

from mmengine.model import BaseModule
from torch import Tensor, nn

from mmdefusion.registry import MODELS

from ..layers import NUM_HEADS, PATCH_SIZE, TransformerBlock, init_transformer, unpatchify


@MODELS.register_module()
class ImageHead(BaseModule):
    """A ViT block and a linear map that decode tokens to an image in [0, 1], neither squashed nor clipped.

    Args:
        embed_dims: width C of the tokens.
        init_cfg: initialisation config of MMEngine.
    """

    def __init__(self, embed_dims: int, init_cfg: dict | list | None = None) -> None:
        super().__init__(init_cfg)
        self.block = TransformerBlock(embed_dims, NUM_HEADS)
        self.proj = nn.Linear(embed_dims, PATCH_SIZE * PATCH_SIZE * 3)
        init_transformer(self)

    def forward(self, tokens: Tensor, grid: tuple[int, int]) -> Tensor:
        """Decodes tokens B×N×C, N = 1 + h·w, to RGB images B×3×16h×16w."""
        return unpatchify(self.proj(self.block(tokens))[:, 1:], grid, PATCH_SIZE)
