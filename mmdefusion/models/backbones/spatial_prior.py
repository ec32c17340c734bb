"""A convolutional stem over the pair: the detail that patches of 16 pixels lose."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal, get_args

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn.functional import max_pool2d, relu

from mmdefusion.registry import MODELS

from ..checkpoints.errors import CheckpointError
from ..layers import Content

Form = Literal['stacked', 'streams']
STRIDES = (2, 4, 8, 16)  # of the stages of a stem
COARSEST = STRIDES[-1]  # stride of the stem's own maps; coarser ones are pooled
BATCH_NORM = {'type': 'BN'}
Guides = Mapping[int, Tensor]
UNGUIDED: Guides = MappingProxyType({})
TAUGHT = 'prior.stems.'  # before the names of stems in a checkpoint of pretraining


def convolution(in_channels: int, out_channels: int, stride: int, norm_cfg: dict | None, **options) -> nn.Module:
    """mmcv's 3×3 convolution with norm and ReLU."""
    from mmcv.cnn import ConvModule  # here: fusing images works without mmcv

    return ConvModule(in_channels, out_channels, 3, stride, padding=1, norm_cfg=norm_cfg, **options)


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions with a skip connection."""

    def __init__(self, channels: int, norm_cfg: dict | None) -> None:
        super().__init__()
        self.conv1 = convolution(channels, channels, 1, norm_cfg)
        self.conv2 = convolution(channels, channels, 1, norm_cfg, act_cfg=None)

    def forward(self, x: Tensor, content: Content, stride: int) -> Tensor:
        inner = content.clear(self.conv1(x), stride)
        return content.clear(relu(x + self.conv2(inner)), stride)


class Stem(nn.Module):
    """Convolutions of strides 2, 4, 8 and 16, with a residual block at each but the first.

    Args:
        in_channels: of the images.
        widths: channels at each stride; fewer than four end earlier.
        norm_cfg: of the convolutions.
    """

    def __init__(self, in_channels: int, widths: Sequence[int], norm_cfg: dict | None) -> None:
        super().__init__()
        before = (in_channels, *widths[:-1])
        self.downs = nn.ModuleList(convolution(*channels, 2, norm_cfg) for channels in zip(before, widths, strict=True))
        self.blocks = nn.ModuleList(ResidualBlock(width, norm_cfg) for width in widths[1:])
        self.widths = dict(zip(STRIDES[1:], widths[1:], strict=False))  # of the maps, by stride

    def forward(self, images: Tensor, content: Content, guides: Guides = UNGUIDED) -> dict[int, Tensor]:
        """Computes non-negative maps from B×in_channels×H×W, by stride from 4 on; they are 0 over padding.

        Guides may be larger than the maps at their stride; what lies beyond the end is left out.
        """
        first, *downs = self.downs
        x, stride, maps = content.clear(first(images), 2), 2, {}
        for down, block in zip(downs, self.blocks, strict=True):
            stride *= 2
            x = down(x)
            if stride in guides:
                x = x + guides[stride][..., : x.shape[-2], : x.shape[-1]]
            x = maps[stride] = block(content.clear(x, stride), content, stride)
        return maps


@MODELS.register_module()
class SpatialPrior(BaseModule):
    """Plain convolutions over the pair at full resolution, which give maps of one width.

    After the spatial prior module of ViT-Adapter (Chen et al., arXiv 2205.08534), made for pairs. It is used beside the
    ViT (``spatial_prior`` of :class:`DeFusionPP`), or alone as a backbone without a neck.

    Args:
        out_channels: channels of every map.
        strides: strides of the maps, powers of 2 from 4 on; maps beyond 16 are pooled.
        form: ``'stacked'`` (one stem over both images, as six channels) or ``'streams'`` (a stem for each image, whose
            maps are split into what both have and what only one has, before they are put together).
        widths: channels at strides 2, 4, 8 and 16.
        norm_cfg: norm of the convolutions, such as ``dict(type='SyncBN')``. One over the map of each image, such as
            GroupNorm, counts the padding of a batch of several sizes.
        init_cfg: initialisation config of MMEngine. ``dict(type='Pretrained', checkpoint=...)`` reads the stems of a
            checkpoint of :class:`PriorDistiller`; the convolutions behind them belong to the task and are trained with
            it.

    Raises:
        ValueError: if ``strides``, ``form`` or the number of ``widths`` is not allowed.
    """

    def __init__(
        self,
        out_channels: int = 256,
        strides: Sequence[int] = (4, 8, 16, 32),
        form: Form = 'stacked',
        widths: Sequence[int] = (32, 64, 128, 128),
        norm_cfg: dict | None = BATCH_NORM,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if form not in get_args(Form):
            raise ValueError(f'form={form!r} is none of {get_args(Form)}.')
        if len(widths) != len(STRIDES):
            raise ValueError(f'widths={tuple(widths)} must be four: at strides 2, 4, 8 and 16.')
        if not strides or any(stride < 4 or stride.bit_count() != 1 for stride in strides):
            raise ValueError(f'strides={tuple(strides)} cannot be built: choose some of 4, 8, 16, 32 and so on.')
        self.out_channels, self.strides = out_channels, tuple(sorted(strides))
        widths = widths[: min(self.strides[-1], COARSEST).bit_length() - 1]  # a stage that nothing reads is not built
        streams, parts = (1, 1) if form == 'stacked' else (2, 3)
        self.stems = nn.ModuleList(Stem(6 // streams, widths, norm_cfg) for _ in range(streams))
        self.levels = nn.ModuleList(
            nn.Conv2d(parts * widths[min(stride, COARSEST).bit_length() - 2], out_channels, 3, padding=1)
            for stride in self.strides
        )
        self._register_load_state_dict_pre_hook(self._take_stems)

    def forward(self, pair: Tensor, content: Content | None = None, guides: Guides = UNGUIDED) -> tuple[Tensor, ...]:
        """Computes the maps of a pair.

        Args:
            pair: B×6×H×W, two normalised RGB images along the channels.
            content: sizes of the images in the batch; None finds them.
            guides: maps by stride that are added before the residual blocks of each stem (:class:`GuidedPyramid`).

        Returns:
            Maps B×out_channels×ceil(H/s)×ceil(W/s) for each stride s, finest first. Padding has no influence: the map
            of each image is that of the image alone (except by a BatchNorm in training and by norms over a map),
            mirrored over the padding.
        """
        content = content or Content.of(pair)
        maps = self.stem_maps(pair, content, guides)
        for octave in range(COARSEST.bit_length(), self.strides[-1].bit_length()):
            maps[1 << octave] = max_pool2d(maps[1 << octave - 1], 2, ceil_mode=True)
        levels = zip(self.strides, self.levels, strict=True)
        return tuple(content.fit(level(maps[stride]), stride) for stride, level in levels)

    def stem_maps(self, pair: Tensor, content: Content | None = None, guides: Guides = UNGUIDED) -> dict[int, Tensor]:
        """The maps of the stems before anything of a task, by stride from 4 on; arguments as of :meth:`forward`."""
        content = content or Content.of(pair)
        images = content.clear(content.without_padding(pair), 1)
        parts = images.chunk(len(self.stems), 1)
        streams = [stem(part, content, guides) for stem, part in zip(self.stems, parts, strict=True)]
        if len(streams) == 1:
            return streams[0]
        return {at: common_and_unique(*(stream[at] for stream in streams)) for at in streams[0]}

    def _take_stems(self, state_dict: dict, prefix: str, *_) -> None:
        """Leaves of a checkpoint of pretraining, whose keys of the prior start with ``prior.``, the stems only.

        Raises:
            CheckpointError: if the checkpoint is of something else, or of other stems; MMEngine would only warn and
                train from scratch. Stages that this prior does not build may be in it.
        """
        ours = f'{prefix}stems.'
        if not prefix and not any(key.startswith(ours) for key in state_dict):
            for key in list(state_dict):
                value = state_dict.pop(key)
                if key.startswith(TAUGHT):
                    state_dict[ours + key.removeprefix(TAUGHT)] = value
            if not state_dict:
                raise CheckpointError(
                    'The checkpoint holds no stems of a spatial prior: give one of mmdefusion.PriorDistiller, or '
                    "'prior'."
                )
        held = {key: state_dict[key].shape for key in state_dict if key.startswith(ours)}
        own = {f'{ours}{key}': value.shape for key, value in self.stems.state_dict().items()}
        if held and any(held.get(key) != shape for key, shape in own.items()):
            wrong = next(key for key, shape in own.items() if held.get(key) != shape)
            found = tuple(held[wrong]) if wrong in held else 'missing'
            raise CheckpointError(
                f'The checkpoint holds other stems than this spatial prior has ({wrong} is {found}, here '
                f'{tuple(own[wrong])}): give form, widths and norm_cfg those of the checkpoint, or leave init_cfg out.'
            )
        stages = (('downs', len(self.stems[0].downs)), ('blocks', len(self.stems[0].blocks)))
        coarser = tuple(
            f'{ours}{stem}.{part}.{at}.'
            for stem in range(len(self.stems))
            for part, count in stages
            for at in range(count, len(STRIDES))
        )
        for key in sorted(held.keys() - own.keys()):
            if not key.startswith(coarser):
                raise CheckpointError(
                    f'The checkpoint holds {key}, which this spatial prior lacks: it has another form.'
                )
            del state_dict[key]


def common_and_unique(a: Tensor, b: Tensor) -> Tensor:
    """Splits two non-negative maps B×C×h×w into their common and both unique parts, B×3C×h×w."""
    return torch.cat([torch.minimum(a, b), relu(a - b), relu(b - a)], dim=1)
