import pytest
import torch
from torch.testing import assert_close

from mmdefusion.models.necks.kept_tokens import KeptTokens, Whole, places_of_patches

C = 5


def place_of(height: int, width: int) -> torch.Tensor:
    """Where the pixels of a whole image lie, 2×H×W."""
    down, across = ((torch.arange(side) + 0.5) / side for side in (height, width))
    return torch.stack([across.expand(height, width), down[:, None].expand(height, width)])


@pytest.fixture
def kept():
    """Images of 64×96 and of 40×50, whose last patches reach beyond them."""
    tokens = KeptTokens()
    tokens.keep('other.png', Whole(torch.randn(2, 7, C).half(), (2, 3), (32, 48)))
    tokens.keep('whole.png', Whole(torch.randn(2, 25, C).half(), (4, 6), (64, 96)))
    tokens.keep('odd.png', Whole(torch.randn(2, 13, C).half(), (3, 4), (40, 50)))
    return tokens


def tokens_of(kept, name, mirrored=0):
    return kept._wholes[kept.number(name)].tokens[mirrored].float()


def recall(kept, name, place):
    pair = torch.randn(1, 6, *place.shape[1:])
    found = kept.recall(pair, place[None], [kept.number(name)])
    assert found.features.pair is pair
    assert found.features.image_size == place.shape[1:]
    return found.fused[0], found.features.grid


@pytest.mark.parametrize('size', [(64, 96), (32, 48), (160, 192)])
def test_a_whole_image_has_its_own_tokens_at_any_scale(size, kept):
    name = 'whole.png'
    fused, grid = recall(kept, name, place_of(*size))
    assert grid == (-(-size[0] // 16), -(-size[1] // 16))
    assert_close(fused[0], tokens_of(kept, name)[0])
    if size == (64, 96):
        assert_close(fused, tokens_of(kept, name), atol=1e-4, rtol=0)
    elif size == (32, 48):  # a patch lies in the middle of four
        four = tokens_of(kept, name)[1:].unflatten(0, (4, 6)).permute(2, 0, 1)
        means = torch.nn.functional.avg_pool2d(four, 2)
        assert_close(fused[1:], means.flatten(1).mT, atol=1e-4, rtol=0)


def test_from_right_to_left_is_the_mirror_image(kept):
    fused, _ = recall(kept, 'whole.png', place_of(64, 96).flip(-1))
    assert_close(fused, tokens_of(kept, 'whole.png', mirrored=1), atol=1e-4, rtol=0)


def test_upside_down_are_the_tokens_upside_down(kept):
    fused, _ = recall(kept, 'whole.png', place_of(64, 96).flip(-2))
    expected = tokens_of(kept, 'whole.png')[1:].unflatten(0, (4, 6)).flip(0).flatten(0, 1)
    assert_close(fused[1:], expected, atol=1e-4, rtol=0)


def test_a_crop_has_the_tokens_that_lie_there(kept):
    fused, grid = recall(kept, 'whole.png', place_of(64, 96)[:, 16:48, 32:96])
    assert grid == (2, 4)
    expected = tokens_of(kept, 'whole.png')[1:].unflatten(0, (4, 6))[1:3, 2:].flatten(0, 1)
    assert_close(fused[1:], expected, atol=1e-4, rtol=0)


def test_patches_that_reach_beyond_the_image_count_as_whole_ones(kept):
    fused, _ = recall(kept, 'odd.png', place_of(40, 50)[:, :32, :48])  # the patches that do not
    expected = tokens_of(kept, 'odd.png')[1:].unflatten(0, (3, 4))[:2, :3].flatten(0, 1)
    assert_close(fused[1:], expected, atol=1e-4, rtol=0)


def test_whole_numbers_up_to_255_are_fine_enough(kept):
    place = (place_of(64, 96) * 255).round() / 255
    assert (recall(kept, 'whole.png', place)[0] - tokens_of(kept, 'whole.png')).abs().max() < 0.02


def test_each_image_of_a_batch_has_its_own(kept):
    place = torch.stack([place_of(64, 96), place_of(64, 96).flip(-1)])
    found = kept.recall(torch.randn(2, 6, 64, 96), place, [1, 1])
    assert_close(found.fused, kept._wholes[1].tokens.float(), atol=1e-4, rtol=0)


def test_padding_is_masked(kept):
    pair, place = torch.randn(2, 6, 64, 96), place_of(64, 96).repeat(2, 1, 1, 1)
    pair[1, :, :, 48:] = place[1, :, :, 48:] = -0.0
    found = kept.recall(pair, place, [1, 1])
    assert found.features.mask.sum(1).tolist() == [25, 13]
    inside = found.features.mask[1]
    assert_close(found.fused[1, inside], kept._wholes[1].tokens[0].float()[inside], atol=1e-4, rtol=0)


def test_an_image_that_is_not_kept(kept):
    with pytest.raises(ValueError, match=r'No tokens of new\.png are kept: .* 3 other images'):
        kept.number('new.png')


def test_a_mosaic_is_refused(kept):
    place = torch.cat([place_of(64, 48), place_of(64, 48)], dim=2)
    with pytest.raises(ValueError, match=r'do not lie evenly in the whole one \(off by 0\.\d+ of its side\)'):
        recall(kept, 'whole.png', place)


def test_a_turned_image_is_fitted_too(kept):
    """Its corners lie at the edges' middles."""
    down, across = ((torch.arange(side) + 0.5) / side for side in (64, 64))
    turned = torch.stack([(across + down[:, None]) / 2, (down[:, None] - across) / 2 + 0.5])
    found = places_of_patches(turned, (4, 4))
    middles = (torch.arange(4) + 0.5) / 4
    assert_close(found[0], (middles + middles[:, None]) / 2)
    assert_close(found[1], (middles[:, None] - middles) / 2 + 0.5)
