import pytest
import torch
from torch import nn
from torch.testing import assert_close

from mmdefusion.models.backbones.spatial_prior import common_and_unique
from mmdefusion.models.layers import mark_padding
from mmdefusion.registry import MODELS

pytest.importorskip('mmcv')
FORMS = ['stacked', 'streams']


def build(**options) -> nn.Module:
    small = dict(type='mmdefusion.SpatialPrior', widths=(4, 8, 16, 16), out_channels=8)
    return MODELS.build({**small, **options})


@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('strides', [(4,), (8, 16), (4, 8, 16, 32), (8, 16, 32, 64), (32,)])
def test_every_parameter_serves_the_levels_asked_for(form, strides):
    prior = build(form=form, strides=strides)
    maps = prior(torch.randn(2, 6, 70, 33))
    assert [tuple(one.shape) for one in maps] == [(2, 8, -(-70 // stride), -(-33 // stride)) for stride in strides]
    sum(one.square().mean() for one in maps).backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in prior.parameters())


@pytest.mark.parametrize('form', FORMS)
def test_sees_both_images(form):
    prior, pair = build(form=form).eval(), torch.randn(1, 6, 32, 48)
    before = prior(pair)
    for half in (slice(0, 3), slice(3, 6)):
        changed = pair.clone()
        changed[:, half, 20, 20] += 1
        assert all((one != other).any() for one, other in zip(before, prior(changed), strict=True))


@pytest.mark.parametrize('form', FORMS)
def test_a_picture_beside_others_is_as_it_is_alone(form):
    prior = build(form=form, strides=(4, 8, 16, 32, 64)).eval()
    sizes = [(70, 33), (48, 96), (57, 80), (17, 5)]
    pictures = [torch.randn(1, 6, *size) for size in sizes]
    batch = torch.zeros(4, 6, 96, 128)
    for slot, picture in zip(batch, pictures, strict=True):
        slot[:, : picture.shape[2], : picture.shape[3]] = picture[0]
    mark_padding(batch, sizes)
    together = prior(batch)
    assert [tuple(one.shape[2:]) for one in together] == [(24, 32), (12, 16), (6, 8), (3, 4), (2, 2)]
    for index, picture in enumerate(pictures):
        for ours, alone in zip(together, prior(picture), strict=True):
            height, width = alone.shape[2:]
            assert_close(ours[index, :, :height, :width], alone[0], atol=1e-5, rtol=1e-5)
            if ours.shape[3] > width:  # mirrored there, as the pyramids' maps are
                assert_close(ours[index, :, :height, width], alone[0, :, :, -1], atol=1e-5, rtol=1e-5)


def test_padding_that_all_have_does_not_count_in_batch_norm():
    picture, batch = torch.randn(2, 6, 40, 56), torch.zeros(2, 6, 64, 64)
    batch[:, :, :40, :56] = picture
    mark_padding(batch, [(40, 56)] * 2)
    (padded, *_), (plain, *_) = (build_alike().train()(images) for images in (batch, picture))
    assert_close(padded[:, :, :10, :14], plain)


def build_alike() -> nn.Module:
    torch.manual_seed(1)
    return build()


def test_norms():
    for norm_cfg, kind in (
        (dict(type='BN'), nn.BatchNorm2d),
        (dict(type='SyncBN'), nn.SyncBatchNorm),
        (dict(type='GN', num_groups=2), nn.GroupNorm),
        (dict(type='mmdefusion.LayerNorm2d'), nn.LayerNorm),
    ):
        found = [part for part in build(norm_cfg=norm_cfg).modules() if isinstance(part, kind)]
        assert len(found) == 4 + 2 * 3
    assert not [part for part in build(norm_cfg=None).modules() if 'Norm' in type(part).__name__]


def test_common_and_unique_parts_add_up():
    a, b = torch.rand(2, 1, 5, 3, 3)
    common, unique_a, unique_b = common_and_unique(a, b).chunk(3, dim=1)
    assert_close(common + unique_a, a)
    assert_close(common + unique_b, b)
    assert (unique_a * unique_b == 0).all()


def test_bad_options():
    with pytest.raises(ValueError, match="form='early' is none of"):
        build(form='early')
    with pytest.raises(ValueError, match=r'widths=\(4, 8\) must be four'):
        build(widths=(4, 8))
    for strides in ((2, 4), (4, 12), ()):
        with pytest.raises(ValueError, match='cannot be built: choose some of 4, 8, 16, 32'):
            build(strides=strides)
