import pytest
import torch
from torch.nn.functional import interpolate
from torch.testing import assert_close

from mmdefusion.models.backbones import DeFusionEncoder, MultiScaleEncoder
from mmdefusion.models.layers import mark_padding, tokens_to_map
from mmdefusion.registry import MODELS

SMALL = {'embed_dims': 32, 'depth': 3, 'num_heads': 2, 'last_num_heads': 4}


def build(scales=(1, 2), **options) -> tuple[MultiScaleEncoder, DeFusionEncoder]:
    """An encoder of several scales, and a plain one of the same weights."""
    torch.manual_seed(0)
    several = MODELS.build(dict(type='mmdefusion.MultiScaleEncoder', arch=SMALL, scales=scales, **options)).eval()
    plain = DeFusionEncoder(SMALL, **options).eval()
    plain.load_state_dict(several.state_dict())
    return several, plain


def test_tokens_are_the_mean_of_those_of_both_sizes():
    several, plain = build()
    pair = torch.randn(2, 6, 48, 32)
    small, large = plain(pair), plain(interpolate(pair, scale_factor=2, mode='bicubic'))
    features = several(pair)
    assert features.grid == (3, 2) and features.image_size == (48, 32) and features.pair is pair
    for found, one, other in zip(features.layers, small.layers, large.layers, strict=True):
        for k in (0, 1):
            squares = tokens_to_map(other[k], (6, 4)).unflatten(3, (2, 2)).unflatten(2, (3, 2)).mean((3, 5))
            assert_close(found[k][:, 1:], (one[k][:, 1:] + squares.flatten(2).mT) / 2)
            assert_close(found[k][:, :1], (one[k][:, :1] + other[k][:, :1]) / 2)


def test_the_image_as_it_is_alone_is_the_plain_encoder():
    several, plain = build(scales=[1])
    pair = torch.randn(1, 6, 40, 25)
    assert_close(several(pair).deep, plain(pair).deep, rtol=0, atol=0)


@pytest.mark.parametrize('options', [{}, dict(window=2, pooling=1, global_blocks=0)])
@pytest.mark.parametrize('size', [(16, 16), (33, 17), (5, 7), (40, 25)])
def test_padding_changes_nothing(size, options):
    several, _ = build(**options)
    pair, batch = torch.randn(1, 6, *size), torch.randn(2, 6, 48, 64)
    batch[0, :, : size[0], : size[1]] = pair[0]
    mark_padding(batch, [size, (48, 64)])
    alone, padded = several(pair), several(batch)
    rows, columns = alone.grid
    own = tokens_to_map(padded.deep.a[:1], padded.grid)[..., :rows, :columns]
    assert_close(own, tokens_to_map(alone.deep.a, alone.grid), rtol=1e-4, atol=1e-5)


def test_what_a_prior_adds_is_enlarged_too():
    several, plain = build()
    images, added = torch.randn(1, 3, 32, 48), torch.randn(1, 32, 3, 4)  # the prior's map is larger than the grid
    doubled = interpolate(images, scale_factor=2, mode='bicubic')
    (first, *_), _ = plain.encode(images, added=added)
    (second, *_), grid = plain.encode(doubled, added=added.repeat_interleave(2, 2).repeat_interleave(2, 3))
    second = tokens_to_map(second, grid).unflatten(3, (3, 2)).unflatten(2, (2, 2)).mean((3, 5)).flatten(2).mT
    (found, *_), grid = several.encode(images, added=added)
    assert grid == (2, 3)
    assert_close(found[:, 1:], (first[:, 1:] + second) / 2)


def test_weights_learn_from_every_size():
    several, _ = build(scales=(2,), drop_path_rate=0.0)
    several(torch.randn(1, 6, 32, 32)).deep.a.square().mean().backward()
    assert all(value.grad.abs().sum() > 0 for value in several.blocks.parameters())


@pytest.mark.parametrize('scales', [(), (0,), (1, 1), (1.5,), ('2',), (True,), 2, '12'])
def test_wrong_scales(scales):
    with pytest.raises(ValueError, match='whole numbers from 1 on'):
        MultiScaleEncoder(SMALL, scales=scales)


@pytest.mark.parametrize('encoder', [dict(type='mmdefusion.MAEEncoder'), dict(arch='small')])
def test_a_backbone_of_another_encoder_is_refused(encoder):
    with pytest.raises(ValueError, match='is no DeFusionEncoder|give its arch to DeFusionPP'):
        MODELS.build(dict(type='mmdefusion.DeFusionPP', arch=SMALL, encoder=encoder))


def test_in_the_backbone_of_a_detector():
    encoder = dict(type='mmdefusion.MultiScaleEncoder', scales=(1, 2))
    backbone = MODELS.build(dict(type='mmdefusion.DeFusionPP', arch=SMALL, encoder=encoder)).eval()
    assert isinstance(backbone.encoder, MultiScaleEncoder)
    maps = backbone(torch.randn(1, 6, 33, 70))
    assert [tuple(one.shape[-2:]) for one in maps] == [(9, 18), (5, 9), (3, 5), (2, 3)]
