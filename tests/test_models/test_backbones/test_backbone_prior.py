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
