import pytest
import torch
from helpers.everyday_model import SMALL, build
from torch import nn
from torch.testing import assert_close

from mmdefusion.models.backbones import SpatialPrior
from mmdefusion.models.defusion_pp import DeFusionPP
from mmdefusion.models.necks import GuidedPyramid

pytest.importorskip('mmcv')
WIDTHS = (4, 8, 16, 16)


def test_begins_as_the_prior_with_the_same_weights():
    model = DeFusionPP(
        SMALL, pyramid=dict(type='mmdefusion.GuidedPyramid', out_channels=8, prior=dict(widths=WIDTHS))
    ).eval()
    prior = SpatialPrior(8, widths=WIDTHS).eval()
    prior.load_state_dict(model.pyramid.prior.state_dict())
    pair = torch.randn(2, 6, 50, 70)
    for ours, alone in zip(model(pair), prior(pair), strict=True):
        assert_close(ours, alone)


@pytest.mark.parametrize('form', ['stacked', 'streams'])
@pytest.mark.parametrize('strides', [(4,), (8, 16), (4, 8, 16, 32), (8, 16, 32, 64)])
def test_every_parameter_serves_the_levels_asked_for(strides, form):
    pyramid = dict(type='mmdefusion.GuidedPyramid', out_channels=8, strides=strides, prior=dict(form=form))
    model = DeFusionPP(SMALL, pyramid=pyramid, encoder=dict(window=2, global_blocks=1))
    for one in model.pyramid.guide.maps:
        nn.init.normal_(one.weight)
    maps = model(torch.randn(2, 6, 70, 33))
    assert [tuple(one.shape) for one in maps] == [(2, 8, -(-70 // stride), -(-33 // stride)) for stride in strides]
    sum(one.square().mean() for one in maps).backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in model.pyramid.parameters())
    assert model.encoder.blocks[0].attn.qkv.weight.grad.any()


def test_tokens_guide_every_map_at_their_place():
    model = build('GuidedPyramid').eval()
    decomposition = model.decomposition(model.encoder(torch.randn(1, 6, 64, 96)))
    changed = decomposition.fused.clone()
    changed[:, 1] += 1  # the patch at the top left
    before, after = (model.pyramid(decomposition._replace(fused=fused)) for fused in (decomposition.fused, changed))
    for stride, one, other in zip((4, 8), before, after, strict=False):
        moved = (one != other).any(1)[0]
        assert moved[0, 0] and not moved[48 // stride :, 64 // stride :].any()
    assert all((one != other).any() for one, other in zip(before, after, strict=True))


def test_sees_both_images_beside_the_tokens():
    model = build('GuidedPyramid').eval()
    pair = torch.randn(1, 6, 32, 48)
    decomposition = model.decomposition(model.encoder(pair))
    before = model.pyramid(decomposition)
    for half in (slice(0, 3), slice(3, 6)):
        changed = pair.clone()
        changed[:, half, 20, 20] += 1
        features = decomposition.features._replace(pair=changed)
        after = model.pyramid(decomposition._replace(features=features))
        assert all((one != other).any() for one, other in zip(before, after, strict=True))


def test_in_the_list_of_a_neck_it_is_the_same():
    model = build('GuidedPyramid').eval()
    alone = GuidedPyramid(32, out_channels=16)
    alone.load_state_dict(model.pyramid.state_dict())
    pair = torch.randn(1, 6, 40, 56)
    for one, other in zip(alone.eval()(model.decomposition(model.encoder(pair))), model(pair), strict=True):
        assert_close(one, other)
