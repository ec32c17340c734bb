import pytest
import torch
from torch.testing import assert_close

from mmdefusion.models.necks.kept_tokens import KeptTokens, Whole, fit_places

C = 5


def place_of(height: int, width: int) -> torch.Tensor:
    """Where the pixels of a whole image lie, 2×H×W."""
    down, across = ((torch.arange(side) + 0.5) / side for side in (height, width))
    return torch.stack([across.expand(height, width), down[:, None].expand(height, width)])


def numbered(place: torch.Tensor, number: int) -> torch.Tensor:
    return torch.cat([place, torch.full_like(place[:1], number + 1)])


@pytest.fixture
def kept():
    """Images of 64×96 and of 40×50, whose last patches reach beyond them."""
    tokens = KeptTokens()
    tokens.keep(('other.png', None), Whole(torch.randn(2, 7, C).half(), (2, 3), (32, 48)))
    tokens.keep(('whole.png', None), Whole(torch.randn(2, 25, C).half(), (4, 6), (64, 96)))
    tokens.keep(('odd.png', None), Whole(torch.randn(2, 13, C).half(), (3, 4), (40, 50)))
    return tokens


def tokens_of(kept, name, mirrored=0):
    return kept._wholes[kept.number((name, None))].tokens[mirrored].float()


def recall(kept, name, place):
    pair = torch.randn(1, 6, *place.shape[1:])
    found = kept.recall(pair, numbered(place, kept.number((name, None)))[None])
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
    place = torch.stack([numbered(one, 1) for one in (place_of(64, 96), place_of(64, 96).flip(-1))])
    found = kept.recall(torch.randn(2, 6, 64, 96), place)
    assert_close(found.fused, kept._wholes[1].tokens.float(), atol=1e-4, rtol=0)


def test_padding_is_masked(kept):
    pair, place = torch.randn(2, 6, 64, 96), numbered(place_of(64, 96), 1).repeat(2, 1, 1, 1)
    pair[1, :, :, 48:] = place[1, :, :, 48:] = -0.0
    found = kept.recall(pair, place)
    assert found.features.mask.sum(1).tolist() == [25, 13]
    inside = found.features.mask[1]
    assert_close(found.fused[1, inside], kept._wholes[1].tokens[0].float()[inside], atol=1e-4, rtol=0)


def test_an_image_that_is_not_kept(kept):
    with pytest.raises(ValueError, match=r"No tokens of \('new.png', None\) are kept, but of 3 other pairs"):
        kept.number(('new.png', None))


def test_a_mosaic_is_refused(kept):
    place = torch.cat([place_of(64, 48), place_of(64, 48)], dim=2)
    with pytest.raises(ValueError, match=r'whole\.png: its pixels do not lie evenly .* \(off by 0\.\d+ of'):
        recall(kept, 'whole.png', place)


def test_nothing_left_of_an_image(kept):
    with pytest.raises(ValueError, match='No pixel of a training image is left'):
        kept.recall(torch.randn(1, 6, 64, 96), torch.zeros(1, 3, 64, 96))


def test_what_was_filled_in_or_blended_counts_for_nothing(kept):
    place = numbered(place_of(64, 96), 1)
    expected = kept.recall(torch.randn(1, 6, 64, 96), place[None]).fused
    place[:, :20] = 0
    place[:, 20] *= 0.4
    place[:, 40:50, 30:60] = 0
    assert_close(kept.recall(torch.randn(1, 6, 64, 96), place[None]).fused, expected, atol=1e-4, rtol=0)


def test_a_turned_image_is_fitted_too():
    """A quarter of a whole image of 64×64, turned by 45 degrees: its corners lie at the edges' middles."""
    down, across = ((torch.arange(side) + 0.5) / side for side in (64, 64))
    turned = torch.stack([(across + down[:, None]) / 2, (down[:, None] - across) / 2 + 0.5])
    found = fit_places(turned, torch.ones(64, 64, dtype=torch.bool), (4, 4))
    middles = (torch.arange(4) + 0.5) / 4
    assert_close(found.across, (middles + middles[:, None]) / 2)
    assert_close(found.down, (middles[:, None] - middles) / 2 + 0.5)
    assert not found.mirrored


@pytest.mark.parametrize('width', [2, 16, 17])
def test_a_narrow_crop_is_mirrored_too(width, kept):
    place = place_of(64, 96)[:, :, 32 : 32 + width]
    both = [fit_places(one, torch.ones(64, width, dtype=torch.bool), (4, 2)) for one in (place, place.flip(-1))]
    assert [one.mirrored for one in both] == [False, True]


def test_a_single_column_of_pixels():
    found = fit_places(place_of(64, 96)[:, :, 5:6], torch.ones(64, 1, dtype=torch.bool), (4, 1))
    assert_close(found.down[:, 0], (torch.arange(4) + 0.5) / 4)


def test_two_pairs_of_the_same_paths_are_refused(kept):
    with pytest.raises(ValueError, match=r"Two pairs are \('odd.png', None\)"):
        kept.keep(('odd.png', None), kept._wholes[0])


def test_of_many_pixels_a_part_is_looked_at(monkeypatch):
    """The same place comes out, from rows and columns that begin anywhere."""
    place, here = place_of(256, 320)[:, 30:190, 50:300], torch.ones(160, 250, dtype=torch.bool)
    expected = fit_places(place, here, (10, 16))
    monkeypatch.setattr('mmdefusion.models.necks.kept_tokens.ENOUGH', 1000)
    for few, every in zip(expected, fit_places(place, here, (10, 16)), strict=True):
        assert_close(few, every)


def test_a_few_pixels_between_those_that_are_looked_at():
    here = torch.zeros(256, 320, dtype=torch.bool)
    here[1:3, 1:3] = True
    found = fit_places(place_of(256, 320), here, (16, 20))
    assert_close(found.across[0], (torch.arange(20) + 0.5) / 20, atol=1e-3, rtol=0)


@pytest.mark.parametrize(('rows', 'columns'), [(300, 14), (300, 24), (9, 500), (17, 17)])
def test_little_of_an_image_in_much_padding(rows, columns):
    """In a batch with large images; here mirrored, and at the right border."""
    place, here = place_of(256, 320).flip(-1), torch.zeros(1024, 1024, dtype=torch.bool)
    wide = torch.nn.functional.interpolate(place[None], (rows, columns), mode='bilinear')[0]
    seen = torch.zeros(2, 1024, 1024)
    seen[:, :rows, -columns:], here[:rows, -columns:] = wide, True
    found = fit_places(seen, here, (64, 64))
    assert found.mirrored
    down, across = torch.nonzero(here)[len(torch.nonzero(here)) // 2].tolist()
    assert (found.across[down // 16, across // 16] - seen[0, down, across]).abs() < 16 / columns


def test_a_gpu_is_asked_once_for_the_places_of_a_batch(kept, monkeypatch):
    """Each number that is read of a tensor there waits until all work before it is done."""
    asked, cpu = [], torch.Tensor.cpu
    monkeypatch.setattr(torch.Tensor, 'cpu', lambda tensor: asked.append(tensor) or cpu(tensor))
    place = numbered(place_of(64, 96), 1)[None].repeat(2, 1, 1, 1)
    fitted = []
    monkeypatch.setattr(
        'mmdefusion.models.necks.kept_tokens.fit_places', lambda *args: fitted.append(args) or fit_places(*args)
    )
    kept.recall(torch.randn(2, 6, 64, 96), place)
    assert len(asked) == 1 and asked[0] is place
    assert len(fitted) == 2 and all(one.device.type == 'cpu' for one, _, _ in fitted)


def test_places_go_where_the_tokens_are():
    whole = Whole(torch.empty(2, 1 + 4 * 6, 16, device='meta'), (4, 6), (64, 96))
    found = whole.seen_at(fit_places(place_of(64, 96), torch.ones(64, 96, dtype=torch.bool), (4, 6)))
    assert found.is_meta and found.shape == (25, 16)
