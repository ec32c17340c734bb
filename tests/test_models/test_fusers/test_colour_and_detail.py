import pytest
import torch
from torch.testing import assert_close

from mmdefusion.models.fusers import ResidualDetail
from mmdefusion.models.structures import Pair
from mmdefusion.rules.detail import disagreement, network_share
from mmdefusion.rules.luma import luma, with_luma


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


def test_texture_of_one_source_comes_whole_and_stronger():
    flat, texture = torch.full((1, 64, 64), 0.5), 0.2 * torch.randn(1, 64, 64)
    result = ResidualDetail(boost=0.0)(flat, Pair(flat + texture, flat), Pair(flat, flat))
    assert_close(result, flat + texture, atol=0.02, rtol=0)
    boosted = ResidualDetail(boost=0.5)(flat, Pair(flat + texture, flat), Pair(flat, flat))
    assert 1.3 < boosted.std() / result.std() < 1.5


def test_the_network_chooses_between_textures_of_equal_strength():
    one, other = 0.5 + 0.1 * torch.randn(2, 1, 128, 128)
    drawn = Pair(torch.full((1, 128, 128), 0.2), torch.full((1, 128, 128), 0.8))
    followed = torch.cat([drawn.a[..., :64], drawn.b[..., 64:]], dim=-1)
    fused = ResidualDetail(levels=3, boost=0.0)(followed, Pair(one, other), drawn)

    def likeness(source, half):
        return torch.corrcoef(torch.stack([fused[..., half].flatten(), source[..., half].flatten()]))[0, 1]

    left, right = slice(0, 40), slice(88, 128)
    assert likeness(one, left) > 0.9 > likeness(other, left) + 0.5
    assert likeness(other, right) > 0.9 > likeness(one, right) + 0.5
    unguided = ResidualDetail(levels=3, boost=0.0, guidance=0.0)(followed, Pair(one, other), drawn)
    mirrored = ResidualDetail(levels=3, boost=0.0, guidance=0.0)(followed.flip(-1), Pair(one, other), drawn)
    assert_close(unguided, mirrored)


def test_share_is_the_place_between_the_reconstructions():
    one, other = torch.rand(2, 3, 64, 80)
    for share in (0.1, 0.5, 0.9):
        found = network_share(share * one + (1 - share) * other, Pair(one, other))
        assert found.shape == (1, 4, 5)
        assert_close(found, torch.full_like(found, share), atol=1e-3, rtol=0)
    assert_close(network_share(other, Pair(one, one)), torch.full((1, 4, 5), 0.5))


def test_multiples_agree_and_strangers_do_not():
    one, other = torch.randn(2, 3, 96, 96)
    for factor in (1.0, 2.0, -0.5):
        assert disagreement(one, factor * one).max() < 1e-3
    assert disagreement(one, other).mean() > 0.7


def test_the_rest_comes_from_the_source_of_more_contrast():
    ramp = torch.linspace(0, 1, 64).expand(1, 64, 64)
    faint = 0.5 + 0.1 * (ramp - 0.5).transpose(1, 2)
    fused = ResidualDetail(levels=2)(faint, Pair(ramp, faint), Pair(faint, faint))
    assert_close(fused, ramp, atol=0.05, rtol=0)
    left_to_the_network = ResidualDetail(levels=2, contrast=0.0)(faint, Pair(ramp, faint), Pair(ramp, faint))
    assert left_to_the_network.std() < 0.5 * ramp.std()


def test_a_bright_sky_stays_bright():
    """Both skies are flat, so there is no contrast to choose by."""
    bright, dark = torch.full((1, 64, 64), 0.9), torch.full((1, 64, 64), 0.1)
    assert ResidualDetail()(bright, Pair(bright, dark), Pair(bright, bright)).min() > 0.85
    assert ResidualDetail()(dark, Pair(dark, bright), Pair(dark, dark)).min() > 0.85
    assert_close(
        ResidualDetail(brightness=0.0)(dark, Pair(dark, bright), Pair(dark, dark)),
        (bright + dark) / 2,
        atol=0.01,
        rtol=0,
    )


def test_flat_sources_give_flat_pictures():
    flat = torch.zeros(1, 8, 8)
    assert_close(ResidualDetail()(flat + 0.3, Pair(flat, flat), Pair(flat, flat)), flat)


def test_noise_is_averaged_and_an_edge_is_not():
    noise = 0.01 * torch.randn(2, 1, 128, 128)
    edge = torch.full((1, 128, 128), 0.3)
    edge[..., 64:] = 0.7
    flat = torch.full_like(edge, 0.5)

    def fuse(one, other, **options):
        return ResidualDetail(boost=0.5, sharpness=3.0, **options)(flat, Pair(one, other), Pair(flat, flat))

    assert fuse(flat + noise[0], flat + noise[1]).std() > 0.01  # amplified
    assert fuse(flat + noise[0], flat + noise[1], noise=0.01).std() < 0.009  # that of the mean is 0.007
    step = fuse(edge + noise[0], flat + noise[1], noise=0.01)
    assert (step[..., 66:70].mean() - step[..., 58:62].mean()) > 0.95 * 0.4


def test_brightness_may_be_mixed_where_texture_is_chosen():
    texture = 0.1 * torch.randn(1, 128, 128)
    dark = torch.full_like(texture, 0.3)
    fused = ResidualDetail(boost=0.0, rest_sharpness=0.0)(dark, Pair(dark + 0.4 + texture, dark), Pair(dark, dark))
    assert_close(fused.mean(), torch.tensor(0.5), atol=0.01, rtol=0)
    assert fused.std() > 0.09
    chosen = ResidualDetail(boost=0.0)(dark, Pair(dark + 0.4 + texture, dark), Pair(dark, dark))
    assert chosen.mean() > 0.65


def test_texture_comes_with_brightness():
    flat, one, other = torch.full((1, 128, 128), 0.5), *(0.1 * torch.randn(2, 1, 128, 128))
    sources = Pair(flat + 0.3 + one, flat - 0.3 + other)

    def likeness(rule):
        fused = rule(flat, sources, Pair(flat, flat))
        return torch.corrcoef(torch.stack([(fused - fused.mean()).flatten(), one.flatten()]))[0, 1]

    assert likeness(ResidualDetail(boost=0.0)) > 0.9 > likeness(ResidualDetail(boost=0.0, coherence=0.0)) + 0.1


def test_a_warm_person_in_the_dark_shows():
    """The visible image has more contrast and is favoured; the person is in the infrared image alone."""
    visible, infrared = 0.1 + 0.01 * torch.randn(1, 128, 128), torch.full((1, 128, 128), 0.3)
    visible[..., 64:] += 0.8
    infrared[:, 48:80, 28:40] = 0.6

    def contrast(rule):
        fused = rule(visible, Pair(visible, infrared), Pair(visible, visible))
        return fused[:, 52:76, 30:38].mean() - fused[:, 52:76, 8:20].mean()

    assert contrast(ResidualDetail()) > 0.15
    assert contrast(ResidualDetail(coherence=2.0)) < 0.1  # why it is not more
