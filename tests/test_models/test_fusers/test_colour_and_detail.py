import pytest
import torch
from torch.testing import assert_close

from mmdefusion.models import ResidualDetail
from mmdefusion.models.fusers.colour import luma, with_luma
from mmdefusion.models.fusers.detail import build_pyramid, expand
from mmdefusion.models.structures import Pair


def test_brightness_and_colour_part_and_join():
    image = torch.rand(3, 20, 30)
    assert_close(with_luma(image, luma(image)), image)
    other = torch.rand(1, 20, 30)
    changed = with_luma(image, other)
    assert changed.min() >= -1e-6 and changed.max() <= 1 + 1e-6
    assert_close(luma(changed), other, atol=1e-5, rtol=0)
    difference, before = changed - other, image - luma(image)
    share = difference.norm(dim=0) / before.norm(dim=0)  # less colourful at most, and of the same hue
    assert share.max() <= 1 + 1e-4
    assert_close(difference, share * before, atol=1e-5, rtol=0)


@pytest.mark.parametrize('size', [(40, 56), (33, 7), (3, 4)])
@pytest.mark.parametrize('channels', [1, 3])
def test_a_picture_with_itself_comes_back(size, channels):
    image, drawn = torch.rand(2, channels, *size)
    assert_close(ResidualDetail()(drawn, Pair(image, image), Pair(drawn, drawn)), image, atol=1e-5, rtol=0)


def test_the_pyramid_holds_everything():
    image = torch.rand(2, 45, 38)
    *bands, picture = build_pyramid(image, levels=3)
    assert [band.shape[-2:] for band in bands] == [(45, 38), (23, 19), (12, 10)]
    for band in reversed(bands):
        picture = expand(picture, band.shape[-2:]) + band
    assert_close(picture, image)
    flat = build_pyramid(torch.full((1, 32, 32), 0.7), levels=2)
    assert flat[0].abs().max() < 1e-6 and abs(flat[2] - 0.7).max() < 1e-6


def test_texture_of_one_source_comes_whole_and_stronger():
    flat, texture = torch.full((1, 64, 64), 0.5), 0.2 * torch.randn(1, 64, 64)
    result = ResidualDetail(boost=0.0)(flat, Pair(flat + texture, flat), Pair(flat, flat))
    assert_close(result, flat + texture, atol=0.05, rtol=0)  # coarse residual is shared by energy, nearly all of it
    boosted = ResidualDetail(boost=0.5)(flat, Pair(flat + texture, flat), Pair(flat, flat))
    assert 1.4 < boosted.std() / result.std() < 1.5


def test_textures_that_disagree_are_both_there():
    flat = torch.full((1, 64, 64), 0.5)
    one, other = 0.2 * torch.randn(1, 64, 64), 0.1 * torch.randn(1, 64, 64)
    fused = ResidualDetail(boost=0.0, weaker=0.5)(flat, Pair(flat + one, flat + other), Pair(flat, flat)) - flat
    share = (fused * other).mean() / other.square().mean()
    assert 0.3 < share < 0.6


def test_coarse_forms_are_the_network_s():
    drawn = torch.zeros(1, 64, 64)
    drawn[:, :, 32:] = 1.0
    sources = Pair(torch.rand(1, 64, 64) * 0.1, torch.rand(1, 64, 64) * 0.1)
    fused = ResidualDetail(levels=3)(drawn, sources, sources)
    assert fused[:, :, 44:].mean() - fused[:, :, :20].mean() > 0.95


def test_no_activity_at_all():
    flat = torch.zeros(1, 8, 8)
    assert_close(ResidualDetail()(flat + 0.3, Pair(flat, flat), Pair(flat, flat)), flat + 0.3)
