"""What a user would take instead of DeFusion++: networks that give four maps of 256 channels of a pair."""

from torch import Tensor, nn

from mmdefusion.models.backbones import DeFusionEncoder
from mmdefusion.models.layers import Content
from mmdefusion.models.necks import SimpleFeaturePyramid
from mmdefusion.models.structures import Decomposition, Pair, PairFeatures, Parts
from mmdefusion.registry import MODELS


class WithFPN(nn.Module):
    """A ResNet-50 of mmdet's on pairs, and a feature pyramid behind it."""

    def __init__(self, kind: str, **options) -> None:
        super().__init__()
        resnet = dict(type='mmdet.ResNet', depth=50, out_indices=(0, 1, 2, 3), style='pytorch', **options)
        self.backbone = MODELS.build(dict(type=f'mmdefusion.{kind}', backbone=resnet))
        self.neck = MODELS.build(
            dict(type='mmdet.FPN', in_channels=[256, 512, 1024, 2048], out_channels=256, num_outs=4)
        )

    def forward(self, pair: Tensor) -> tuple[Tensor, ...]:
        return self.neck(self.backbone(pair))


class PlainViT(nn.Module):
    """A ViT-Ti on the first image of each pair, and our pyramid behind it."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = DeFusionEncoder('deit-tiny')
        self.pyramid = SimpleFeaturePyramid(self.encoder.embed_dims)

    def forward(self, pair: Tensor) -> tuple[Tensor, ...]:
        layers, grid = self.encoder.encode(pair[:, :3])
        tokens = layers[-1]
        both = Pair(tokens, tokens)
        features = PairFeatures(both, both, (), grid, Content(tuple(pair.shape[-2:])))
        parts = Parts(tokens, tokens, tokens)
        return self.pyramid(Decomposition(parts, parts, tokens, tokens, features))


RIVALS = {
    'ResNet-50 FPN, four channels': lambda: WithFPN('EarlyFusion', in_channels=4),
    'ResNet-50 FPN, two streams': lambda: WithFPN('TwoStreams'),
    'ViT-Ti, one image': PlainViT,
}
