"""LayerNorm for feature maps."""

from torch import Tensor, nn
from torch.nn.functional import layer_norm


class LayerNorm2d(nn.LayerNorm):
    """LayerNorm over the channels of B×C×H×W, separately at each pixel."""

    def forward(self, x: Tensor) -> Tensor:
        x = layer_norm(x.permute(0, 2, 3, 1), self.normalized_shape, self.weight, self.bias, self.eps)
        return x.permute(0, 3, 1, 2)
