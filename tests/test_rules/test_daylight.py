import pytest
import torch
from torch.testing import assert_close

from mmdefusion.models.fusers import ResidualDetail
from mmdefusion.models.structures import Pair
from mmdefusion.rules.daylight import daylight, draw_in_glare, fill_borders, find_sky, keep_sky

NOTHING = torch.zeros(1, 128, 160)


def street(sky: float, ground: float = 0.4) -> torch.Tensor:
    """Sky above, textured ground below."""
    image = torch.full((1, 128, 160), sky)
    image[:, 64:] = ground + 0.1 * torch.randn(1, 64, 160)
    return image.clip(0, 1)


def test_a_sky_by_day_is_the_visible_one():
    visible = street(0.85)
    fused = visible - 0.3 + 0.05 * torch.randn_like(visible)
    kept = keep_sky(fused, visible, find_sky(visible), NOTHING)
    assert (kept - visible)[:, :24].abs().max() < 0.01  # the grid on it is gone too
    assert (kept - visible)[:, :56].abs().mean() < 0.03  # near the ground it fades
    assert (kept - fused)[:, 80:].abs().mean() < 0.02  # of the ground nothing
    hot = NOTHING.clone()
    hot[:, 10:30, 10:30] = 1
    assert_close(keep_sky(fused, visible, find_sky(visible), hot)[:, 12:28, 12:28], fused[:, 12:28, 12:28])


def test_bright_walls_at_night_are_no_sky():
    visible = street(0.05, ground=0.05)
    visible[:, 10:50, 10:60] = 0.9  # a lamp
    fused = 0.5 * visible
    assert_close(keep_sky(fused, visible, find_sky(visible), NOTHING), fused)


def test_daylight_is_the_visible_picture_s():
    """The infrared one has more contrast, and gave the brightness without."""
    slope = torch.linspace(0, 1, 160).expand(1, 128, 160)
    visible, infrared = 0.65 + 0.1 * slope, 0.3 + 0.3 * slope
    sources, drawn = Pair(visible, infrared), Pair(NOTHING, NOTHING)
    fused = ResidualDetail()(NOTHING, sources, drawn, day=True)
    before = ResidualDetail()(NOTHING, sources, drawn)
    assert (fused - visible).mean().abs() < 0.03 < (before - visible).mean().abs()
    night = Pair(visible / 8, infrared)
    assert_close(ResidualDetail()(NOTHING, night, drawn, day=True), ResidualDetail()(NOTHING, night, drawn))


@pytest.mark.parametrize(('median', 'day'), [(0.15, 0.0), (0.275, 0.5), (0.4, 1.0)])
def test_how_light_a_day_and_its_bright_places_are(median, day):
    places = torch.tensor([0.4, 0.55, 0.7])
    assert_close(daylight(torch.full((1, 8, 8), median), places), day * torch.tensor([0.0, 0.5, 1.0]))


@pytest.mark.parametrize(
    'place', [(0, slice(0, 8)), (0, slice(0, 20)), (0, slice(100, 128)), (1, slice(0, 20)), (1, slice(140, 160))]
)
def test_black_borders_are_filled(place):
    dim, part = place
    visible, infrared = torch.rand(2, 1, 128, 160) * 0.5 + 0.4
    where = (slice(None), part) if dim == 0 else (slice(None), slice(None), part)
    visible[where] = 0.004
    before = visible.clone()
    filled = fill_borders(visible, infrared)
    assert_close(filled[where], infrared[where])
    changed = (filled != visible).float().mean((0, 2 - dim)).count_nonzero()
    assert changed == part.stop - part.start + 4  # and the rim that compression has mixed
    assert torch.equal(visible, before)


def test_pictures_without_borders_stay():
    infrared, black = torch.rand(1, 128, 160), torch.zeros(1, 128, 160)
    assert_close(fill_borders(black, infrared), black)  # nothing is left of it: no border
    visible = infrared.clone()
    visible[:, :7] = 0  # a few dark lines are none
    visible[:, 60:90] = 0  # nor is what does not touch the side
    assert_close(fill_borders(visible, infrared), visible)


def night_with_headlights() -> Pair:
    """A glare of the visible image by night, a cold one and one with a person before it."""
    visible, infrared = torch.full((1, 128, 320), 0.05), torch.full((1, 128, 320), 0.2)
    visible[:, 20:108, 20:108] = visible[:, 20:108, 212:300] = 1.0
    infrared[:, 44:84, 248:264] = 0.7
    return Pair(visible, infrared)


def test_a_person_in_a_glare_shows():
    pair = night_with_headlights()
    drawn = draw_in_glare(*pair)
    person = (slice(None), slice(48, 80), slice(250, 262))
    assert_close(drawn[person], pair.a[person])  # as white as it was
    beside = drawn[:, 48:80, 240:246]
    assert 0.25 < drawn[person].mean() - beside.mean() < 0.45
    assert_close(drawn[..., :200], pair.a[..., :200])  # nothing is warm in the other one


def test_what_is_hardly_warm_shows_in_a_glare_of_the_evening():
    """There is nothing else to see there, so small differences are drawn twice as strong."""
    visible, infrared = night_with_headlights()
    infrared[:, 44:84, 248:264] = 0.3
    drawn = draw_in_glare(visible.clip(min=0.27), infrared)
    contrast = drawn[:, 48:80, 250:262].mean() - drawn[:, 48:80, 240:246].mean()
    assert_close(contrast, torch.tensor(0.2), atol=0.05, rtol=0)


def test_an_overexposed_evening_sky_is_no_glare():
    visible, infrared = night_with_headlights()
    visible[:, :108, 212:300] = 1.0  # from the top on; the person is a warm chimney now
    assert_close(draw_in_glare(visible, infrared), visible)


def test_what_is_warm_beside_a_glare_leaves_it_white():
    visible, infrared = night_with_headlights()
    infrared = infrared.roll(-60, 2)  # the person stands in the dark now, 20 pixels from the light
    assert_close(draw_in_glare(visible, infrared), visible, atol=1e-3, rtol=0)


def test_a_glare_by_day_and_an_image_with_itself_stay():
    visible, infrared = night_with_headlights()
    by_day = visible.clip(min=0.5)
    assert_close(draw_in_glare(by_day, infrared), by_day)
    assert_close(draw_in_glare(visible, visible), visible)
