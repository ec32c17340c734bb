import pytest
import torch
from torch.testing import assert_close

from mmdefusion.models.structures import Pair
from mmdefusion.rules.colours import drain
from mmdefusion.rules.filters import shrink_by
from mmdefusion.rules.hot_places import find_hot, warmer_than_aside
from mmdefusion.rules.targets import lift_targets, missing, show_targets

SIZE = 1, 160, 200
PERSON = ..., slice(60, 110), slice(90, 106)
NO_SKY = torch.zeros(SIZE)


def flat(level: float, person: float | None = None) -> torch.Tensor:
    image = torch.full(SIZE, level)
    image[PERSON] = level if person is None else person
    return image


def contrast(image: torch.Tensor) -> float:
    """Of the person's core against the ground beside them."""
    return (image[..., 66:104, 94:102].mean() - image[..., 60:110, 70:84].mean()).item()


def test_hot_is_hotter_than_the_surroundings():
    infrared = torch.linspace(0.1, 0.7, SIZE[2]).expand(SIZE).clone()  # warm ground is no target
    infrared[PERSON] += 0.3
    weight = find_hot(infrared, NO_SKY).weight
    assert weight[..., 66:104, 94:102].min() > 0.9
    weight[..., 55:115, 85:111] = 0
    assert weight.max() < 0.05
    assert find_hot(torch.full(SIZE, 0.6), NO_SKY).weight.max() == 0
    assert find_hot(0.5 + 0.02 * torch.randn(SIZE), NO_SKY).weight.mean() < 0.02  # noise is no target


@pytest.mark.parametrize('target', ['keep', 'highlight'])
def test_a_lost_person_is_raised_and_drained(target):
    visible, infrared = flat(0.3), flat(0.2, person=0.6)
    fused, drained = show_targets(visible, Pair(visible, infrared), visible.expand(3, -1, -1), target)
    assert 0.38 < contrast(fused) < 0.75 and (contrast(fused) > 0.5) == (target == 'highlight')
    assert drained[..., 66:104, 94:102].min() > 0.5
    assert_close(fused[..., :40, :], visible[..., :40, :])
    assert drained[..., :40, :].max() == 0


def test_who_is_dark_in_the_visible_picture_stays_dark_unless_highlighted():
    visible, infrared = flat(0.8, person=0.2), flat(0.4, person=0.6)
    hot = find_hot(infrared, NO_SKY)
    kept = lift_targets(visible, Pair(visible, infrared), hot, 'keep')
    assert_close(kept, visible, atol=1e-3, rtol=0)
    assert contrast(lift_targets(visible, Pair(visible, infrared), hot, 'highlight')) > 0.2


def test_an_object_is_raised_as_far_as_the_infrared_image_shows_it_better():
    """The sign does not count: who is dark before a bright wall may be hardly seen, too."""
    visible = torch.tensor([0.2, -0.2, 0.4, -0.4, 0.6, -0.6])
    infrared, ours = torch.full((6,), 0.4), torch.zeros(6)
    wanted = torch.tensor([0.44, 0.44, 0.2, 0.22, 0.0, 0.0])  # whole, half and not at all
    assert_close(missing(ours, infrared, visible, 'keep'), wanted, atol=0.01, rtol=0)


@pytest.mark.parametrize('size', [(1, 160, 200), (1, 33, 58), (1, 3, 4)])
@pytest.mark.parametrize('target', ['keep', 'highlight'])
def test_equal_pictures_stay(size, target):
    image = torch.rand(size)
    fused, drained = show_targets(image, Pair(image, image), torch.rand(3, *size[1:]), target)
    assert_close(fused, image, atol=1e-6, rtol=0)
    assert drained.max() < 1e-6


def test_who_is_beside_something_warm_keeps_the_contrast_with_it():
    """Against the cold ground far away they stand out already."""
    visible, infrared = flat(0.3), flat(0.2)
    infrared[:, 40:130, 50:] = 0.5  # a warm wall
    infrared[PERSON] = 0.8
    fused = visible.clone()
    fused[:, 40:130, 50:] = 0.75
    fused[PERSON] = 0.8
    hot = find_hot(infrared, NO_SKY)
    lifted = lift_targets(fused, Pair(visible, infrared), hot, 'keep')
    assert contrast(fused) < 0.06 < 0.15 < contrast(lifted)


def test_the_sky_has_no_targets():
    infrared, sky = flat(0.2, person=0.6), torch.zeros(SIZE)
    sky[..., :85, :] = 1
    weight = find_hot(infrared, sky).weight[..., 94:102]
    assert weight[..., 64:84, :].max() == 0 and weight[..., 86:104, :].min() > 0.9


def test_trees_are_not_hot_because_the_sky_is_cold():
    infrared, sky = torch.full(SIZE, 0.5), torch.zeros(SIZE)
    infrared[:, :80] = 0.05
    infrared[:, 40:80, 120:180] = 0.5  # as warm as the ground
    sky[:, :80] = 1
    sky[:, 40:80, 120:180] = 0
    infrared[PERSON] = 0.9
    weight = find_hot(infrared, sky).weight
    assert weight[..., 44:76, 124:176].max() < 0.05 and weight[..., 84:104, 94:102].min() > 0.9
    assert find_hot(infrared, torch.ones(SIZE)).weight.max() == 0  # all of it sky


def test_a_road_before_a_clear_sky_is_no_target_by_night():
    """The visible sky is black then; the infrared sky is far colder than the image."""
    infrared = torch.full(SIZE, 0.4)
    infrared[:, :70, 60:140] = 0.02
    assert find_hot(infrared, NO_SKY).weight.max() < 0.05
    infrared[PERSON] = 0.7
    weight = find_hot(infrared, NO_SKY).weight
    assert weight[..., 66:104, 94:102].min() > 0.9
    weight[..., 55:115, 85:111] = 0
    assert weight.max() < 0.05


@pytest.mark.parametrize('noise', [0.0, 0.01])
def test_people_before_a_black_background_are_found(noise):
    """What is cold has been clipped to black; there is no warmth that a sky could be colder than."""
    torch.manual_seed(0)
    infrared = (flat(0.0, person=0.8) + noise * torch.randn(SIZE)).clip(0, 1)
    weight = find_hot(infrared, NO_SKY).weight
    assert weight[..., 66:104, 94:102].min() > 0.9
    weight[..., 55:115, 85:111] = 0
    assert weight.max() < 0.05


def test_people_on_cold_ground_are_found():
    """Water, snow or a wet road between warm fronts is no sky."""
    infrared = torch.full(SIZE, 0.5)
    infrared[:, 50:120] = 0.15
    infrared[PERSON] = 0.4
    assert find_hot(infrared, NO_SKY).weight[..., 66:104, 94:102].min() > 0.9


@pytest.mark.parametrize(('width', 'found'), [(16, True), (40, True), (100, False)])
def test_wide_surfaces_are_no_targets(width, found):
    infrared = torch.full(SIZE, 0.2)
    infrared[:, 60:110, 50 : 50 + width] = 0.6
    warmer = warmer_than_aside(shrink_by(infrared, 4))[:, 17:26, 14 : 11 + width // 4]
    assert warmer.min() > 0.3 if found else warmer.max() < 1e-6
    assert find_hot(infrared, NO_SKY).weight[:, 66:104, 52 : 48 + width].max() == pytest.approx(float(found), abs=0.05)


def in_colours(ground: tuple[float, float, float], person: tuple[float, float, float]) -> torch.Tensor:
    image = torch.tensor(ground)[:, None, None].expand(3, *SIZE[1:]).clone()
    image[PERSON] = torch.tensor(person)[:, None, None]
    return image


@pytest.mark.parametrize(
    ('image', 'drained'),
    [
        (in_colours((0.2, 0.2, 0.2), (0.35, 0.1, 0.3)), False),  # bright clothes are their own
        (in_colours((0.1, 0.25, 0.1), (0.1, 0.25, 0.1)), True),  # a hedge, in which the visible image shows nobody
        (in_colours((0.1, 0.25, 0.1), (0.35, 0.15, 0.1)), False),  # red before green
        (in_colours((0.02, 0.02, 0.02), (0.04, 0.02, 0.02)), True),  # dark
    ],
)
def test_colours_stay_where_they_are_the_objects_own(image, drained):
    infrared = flat(0.2, person=0.8)
    hot = find_hot(infrared, NO_SKY)
    core = drain(0.5 * hot.weight, flat(0.2), image, hot)[..., 66:104, 94:102]
    assert core.min() > 0.9 if drained else core.max() < 0.05
    slightly = drain(0.05 * hot.weight, flat(0.2), image, hot)
    assert slightly.max() < 0.05  # it has the brightness of the visible image


@pytest.mark.parametrize(('share', 'drained'), [(0.2, 0.0), (0.475, 0.5), (0.75, 1.0)])
def test_colours_fade_with_the_share_of_the_brightness_that_is_raised(share, drained):
    hot, visible = find_hot(flat(0.2, person=0.8), NO_SKY), flat(0.4)
    raised = visible * share / (1 - share)
    assert_close(drain(raised, visible, visible.expand(3, -1, -1), hot), flat(drained), atol=0.01, rtol=0)


def test_a_clear_sky_does_not_make_people_less_hot():
    """Its difference to the ground is no measure of how much the ground varies."""
    infrared, sky = torch.full(SIZE, 0.4), torch.zeros(SIZE)
    infrared[:, :100], sky[:, :100] = torch.rand(1, 100, SIZE[2]) * 0.4, 1
    infrared[:, 120:150, 90:106] = 0.55
    assert find_hot(infrared, sky).weight[..., 124:146, 94:102].min() > 0.8
