import pytest
import torch
from torch.testing import assert_close

pytest.importorskip('mmdet')

from mmdefusion.models.defusion_pp import DeFusionPP
from mmdefusion.models.layers.padding import mark_padding
from mmdefusion.registry import MODELS

SMALL = dict(embed_dims=32, depth=2, num_heads=2, last_num_heads=2)
CONFIG = dict(
    type='mmdefusion.BackbonePrior',
    backbone=dict(type='mmdefusion.EarlyFusion', backbone=dict(type='mmdefusion.EfficientNetLite0', in_channels=4)),
    neck=dict(type='mmdet.FPN', in_channels=[24, 40, 112, 320]),
)

RESNET = dict(type='mmdet.ResNet', depth=18, in_channels=4)


def build(strides: tuple[int, ...], neck: dict, **resnet) -> torch.nn.Module:
    """A prior over EfficientNet-Lite0, or over a ResNet with these options."""
    stock = dict(CONFIG['backbone'], backbone=dict(RESNET, **resnet)) if resnet else CONFIG['backbone']
    options = dict(neck={'type': 'mmdet.FPN', **neck}, backbone=stock, out_channels=16, strides=strides)
    return MODELS.build(dict(CONFIG, **options)).eval()


@pytest.mark.parametrize('size', [(64, 96), (57, 83)])
def test_a_map_for_each_stride_of_any_size(size):
    prior = MODELS.build(dict(CONFIG, out_channels=16, strides=(4, 8, 16, 32, 64))).eval()
    maps = prior(torch.randn(2, 6, *size))
    assert [one.shape for one in maps] == [(2, 16, *(-(-side // s) for side in size)) for s in (4, 8, 16, 32, 64)]


def test_smaller_images_of_a_batch_do_not_see_larger_ones():
    prior, pair = MODELS.build(dict(CONFIG, out_channels=16)).eval(), torch.randn(2, 6, 64, 96)
    mark_padding(pair, [(64, 96), (40, 60)])
    before = prior(pair)
    pair[0] = torch.randn(6, 64, 96)
    for one, other in zip(before, prior(pair), strict=True):
        assert_close(one[1], other[1])
        assert not torch.equal(one[0], other[0])


def test_its_maps_are_added_to_those_of_the_pyramid():
    pyramid = dict(type='mmdefusion.GuidedPyramid', out_channels=16, strides=(4, 8, 16, 32, 64))
    network = DeFusionPP(SMALL, pyramid=pyramid, spatial_prior=CONFIG, frozen=True).eval()
    pair = torch.randn(1, 6, 64, 96)
    both, beside = network(pair), network.spatial_prior(pair)
    network.spatial_prior = None
    for one, alone, other in zip(both, network(pair), beside, strict=True):
        assert_close(one, alone + other)


OTHERS = [
    ((8, 16, 32), dict(in_channels=[64, 128, 256]), dict(out_indices=(0, 1, 2)), '(4, 8, 16)'),
    ((8, 16, 32, 64), CONFIG['neck'], {}, '(4, 8, 16, 32)'),
    ((4, 8, 16, 32), dict(in_channels=[128, 256, 512]), dict(out_indices=(1, 2, 3)), '(8, 16, 32, 64)'),
    ((8, 16, 32), dict(CONFIG['neck'], type='mmdet.ChannelMapper'), {}, '(4, 8, 16, 32)'),
]


@pytest.mark.parametrize('strides, neck, resnet, found', OTHERS)
@pytest.mark.parametrize('several', [False, True])
def test_maps_of_other_strides_are_refused(strides, neck, resnet, found, several):
    """They were cropped to a corner, or padded in a batch of several sizes, without a word."""
    prior, pair = build(strides, neck, **resnet), torch.randn(2, 6, 128, 160)
    if several:
        mark_padding(pair, [(128, 160), (96, 128)])
    with pytest.raises(ValueError) as raised:
        prior(pair)
    line = f' gives maps at strides {found}, and {strides} are wanted: choose maps by out_indices of the backbone or '
    assert line in str(raised.value) and '\n' not in str(raised.value)


@pytest.mark.parametrize('size', [(1, 1), (33, 17), (57, 83), (101, 150)])
def test_odd_sides_and_tiny_images_are_no_other_strides(size):
    swin = dict(embed_dims=8, depths=(1, 1, 1, 1), num_heads=(1, 1, 1, 1), in_channels=4, window_size=4)
    stock = dict(CONFIG['backbone'], backbone=dict(type='mmdet.SwinTransformer', **swin))
    neck = dict(type='mmdet.FPN', in_channels=[8, 16, 32, 64])
    for config in (dict(CONFIG, backbone=stock, neck=neck), CONFIG):
        maps = MODELS.build(dict(config, out_channels=16)).eval()(torch.randn(1, 6, *size))
        assert [one.shape[2:] for one in maps] == [tuple(-(-side // s) for side in size) for s in (4, 8, 16, 32)]


@pytest.mark.parametrize(
    'strides, neck, resnet',
    [
        ((8, 16, 32), dict(CONFIG['neck'], start_level=1), {}),
        ((8, 16, 32), dict(in_channels=[128, 256, 512]), dict(out_indices=(1, 2, 3))),
        ((4, 8, 16, 32), dict(CONFIG['neck'], type='mmdet.CSPNeXtPAFPN'), {}),  # has no num_outs
    ],
)
def test_three_strides_and_necks_without_a_number_of_maps(strides, neck, resnet):
    maps = build(strides, neck, **resnet)(torch.randn(1, 6, 64, 96))
    assert [one.shape for one in maps] == [(1, 16, 64 // stride, 96 // stride) for stride in strides]


def test_a_neck_that_cannot_be_built_or_fed_is_named():
    with pytest.raises(ValueError, match=r'mmdet.FPN with in_channels=\[24, 40, 112, 320\] is not built for 3 maps at'):
        build((8, 16, 32), CONFIG['neck'])
    with pytest.raises(KeyError, match='NoNeck is not in'):
        build((8, 16, 32), dict(type='NoNeck'))
    fewer = build((4, 8, 16, 32), dict(in_channels=[40, 112, 320]))
    with pytest.raises(ValueError, match=r'gives maps of \[24, 40, 112, 320\] channels and mmdet.FPN takes \[40, 112'):
        fewer(torch.randn(1, 6, 64, 96))
