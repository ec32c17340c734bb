"""Maps that heads get lie in memory as their strides say, since operators of mmcv read them without a look at these."""

import pytest
import torch
from torch.testing import assert_close

from mmdefusion.models.layers import mark_padding
from mmdefusion.registry import MODELS

pytest.importorskip('mmcv')
from mmcv.ops import DeformConv2d, ModulatedDeformConv2d, roi_align

SMALL = {'embed_dims': 32, 'depth': 7, 'num_heads': 2, 'last_num_heads': 4}
PRIOR = {'spatial_prior': {'type': 'mmdefusion.SpatialPrior', 'widths': (4, 8, 8, 16)}}
NETWORKS = {
    'simple': {},
    'pooled': {'pyramid': {'num_outs': 5}},
    'fused': {'pyramid': {'type': 'mmdefusion.FusedPyramid'}},
    'guided': {'pyramid': {'type': 'mmdefusion.GuidedPyramid'}},
    'prior': PRIOR,
    'gated': {**PRIOR, 'junction': {'type': 'mmdefusion.GatedSum', 'start': 1.0}},
    'gated-prior': {**PRIOR, 'junction': {'type': 'mmdefusion.GatedPrior'}},
    'injected': {**PRIOR, 'injection': {'type': 'mmdefusion.TokenInjection'}},
}
SIZES = {
    'whole patches': [(64, 80)],
    'odd': [(51, 70)],
    'two alike': [(64, 80)] * 2,
    'two sizes': [(64, 80), (48, 70)],
}


@pytest.fixture(params=NETWORKS)
def network(request):
    options = NETWORKS[request.param]
    pyramid = {'out_channels': 16, **options.get('pyramid', {})}
    return MODELS.build({'type': 'mmdefusion.DeFusionPP', 'arch': SMALL, **options, 'pyramid': pyramid})


def batch(sizes, padded=False):
    height, width = map(max, zip(*sizes, strict=True))
    pairs = torch.randn(len(sizes), 6, height + 16 * padded, width)
    mark_padding(pairs, sizes)
    return pairs


@pytest.mark.parametrize('sizes', SIZES.values(), ids=SIZES)
@pytest.mark.parametrize('padded', [False, True])
def test_every_pyramid_gives_contiguous_maps(network, sizes, padded):
    pairs = batch(sizes, padded)
    if len(pairs) > 1:  # a BatchNorm needs more than one
        assert all(one.is_contiguous() for one in network.train()(pairs))
    with torch.no_grad():
        assert all(one.is_contiguous() for one in network.eval()(pairs))


def test_operators_of_mmcv_see_the_maps_as_they_are(network):
    """What RoIAlign and deformable convolutions make of the maps is what they make of copies."""
    shift = torch.nn.init.normal_(torch.empty(1, 18, 1, 1))
    mask = torch.rand(1, 9, 1, 1)
    plain, modulated = DeformConv2d(16, 4, 3, padding=1), ModulatedDeformConv2d(16, 4, 3, padding=1)
    with torch.no_grad():
        for one in network.eval()(batch([(64, 80)])):
            copy = one.clone(memory_format=torch.contiguous_format)
            regions = torch.tensor([[0, 8.0, 8.0, 40.0, 30.0]])
            scale = one.shape[-1] / 80
            assert_close(roi_align(one, regions, 3, scale), roi_align(copy, regions, 3, scale))
            size = one.shape[-2:]
            offset = shift.expand(1, 18, *size).contiguous()
            assert_close(plain(one, offset), plain(copy, offset))
            opened = mask.expand(1, 9, *size).contiguous()
            assert_close(modulated(one, offset, opened), modulated(copy, offset, opened))
