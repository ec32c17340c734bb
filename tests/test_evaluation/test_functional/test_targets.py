"""Measures of objects and smooth places, on pictures whose answer is known."""

import numpy as np
import pytest

from mmdefusion.evaluation.functional import PROTOCOLS, TARGET_METRICS, lower_is_better, target_scores
from mmdefusion.evaluation.functional.colours import colour_lost
from mmdefusion.evaluation.functional.fringes import fringe
from mmdefusion.evaluation.functional.smooth_regions import flat_noise, sky_change, veil
from mmdefusion.evaluation.functional.targets import box_region, hot_regions, kept, summarise

SHAPE = 256, 320
BOX = (100, 80, 120, 140)  # left, top, right, bottom
PERSON = np.s_[80:140, 100:120]


def flat(level: float) -> np.ndarray:
    return np.full(SHAPE, float(level))


def with_person(level: float, person: float) -> np.ndarray:
    image = flat(level)
    image[PERSON] = person
    return image


def test_core_and_ring_of_a_box():
    region = box_region(SHAPE, BOX)
    core, ring = np.zeros(SHAPE, int), np.zeros(SHAPE, int)
    core[region.place], ring[region.place] = region.core, region.ring
    assert core.sum() == 10 * 48 and core[86:134, 105:115].all()
    assert ring.sum() == 40 * 80 - 20 * 60 and not ring[PERSON].any() and ring[70, 90] and ring[149, 129]
    clipped = box_region(SHAPE, (0, 0, 20, 60))  # at the corner a part of the ring is left
    assert clipped.ring.sum() == 30 * 70 - 20 * 60
    assert box_region(SHAPE, (10, 10, 17, 60)) is None and box_region(SHAPE, (-50, 10, -20, 60)) is None


@pytest.mark.parametrize(('fused', 'expected'), [(150, 1.0), (100, 0.5), (90, 0.4), (50, 0.0), (20, -0.3), (200, 1.5)])
def test_contrast_is_relative_to_the_better_source(fused, expected):
    visible, infrared = with_person(50, 60), with_person(50, 150)
    (one,) = kept(visible, infrared, with_person(50, fused), [box_region(SHAPE, BOX), None])
    assert one.contrast == pytest.approx(expected) and one.lost == (expected < 0.5)


def test_a_dark_person_in_the_visible_image_counts_too():
    visible, infrared = with_person(200, 80), with_person(100, 150)
    (one,) = kept(visible, infrared, with_person(200, 110), [box_region(SHAPE, BOX)])
    assert one.contrast == pytest.approx(90 / 120) and one.infrared == pytest.approx(-90 / 50) and not one.reversed
    (shown_warm,) = kept(visible, infrared, with_person(50, 120), [box_region(SHAPE, BOX)])
    (faint,) = kept(visible, infrared, with_person(50, 80), [box_region(SHAPE, BOX)])
    assert shown_warm.lost and shown_warm.reversed and faint.lost and not faint.reversed
    assert summarise([one, shown_warm, faint])['reversed'] == pytest.approx(1 / 3)
    assert kept(with_person(50, 60), with_person(50, 40), flat(50), [box_region(SHAPE, BOX)]) == []  # hardly objects


def test_noise_around_an_object_counts():
    noise = np.random.default_rng(0).normal(0, 10, SHAPE)
    region = box_region(SHAPE, BOX)
    ring = noise[region.place][region.ring].std()
    visible, infrared = flat(50), with_person(50, 150)
    noise[PERSON] = noise[region.place][region.ring].mean()
    (one,) = kept(visible, infrared, infrared + noise, [region])
    assert one.contrast == pytest.approx(1) and one.to_noise == pytest.approx(1 / ring)


def test_summary_of_objects():
    visible, infrared, regions = flat(50), with_person(50, 150), [box_region(SHAPE, BOX)]
    objects = [one for level in (150, 120, 60) for one in kept(visible, infrared, with_person(50, level), regions)]
    summary = summarise(objects)
    assert summary['contrast'] == pytest.approx(0.7) and summary['lost'] == pytest.approx(1 / 3)
    assert np.isnan(list(summarise([]).values())).all()


def test_hot_regions_are_found_by_their_surroundings():
    infrared = np.tile(np.linspace(40, 160, SHAPE[1]), (SHAPE[0], 1))  # a warm side: not a target
    infrared[PERSON] += 80
    infrared[200:240, 200:280] += 60  # a car
    infrared[20:22, 20:22] += 80  # too small
    person, car = hot_regions(infrared)
    for region, place in ((person, PERSON), (car, np.s_[200:240, 200:280])):
        core, ring, wanted = (np.zeros(SHAPE, bool) for _ in range(3))
        core[region.place], ring[region.place], wanted[place] = region.core, region.ring, True
        assert (core & wanted).sum() > 0.8 * wanted.sum() and (core & ~wanted).sum() < 0.2 * wanted.sum()
        assert not (ring & wanted).any() and ring.any()
    assert hot_regions(flat(100)) == [] and hot_regions(flat(100)[:48, :48]) == []


def test_the_twelve_hottest_regions_count():
    infrared = flat(60)
    for number in range(15):
        top, left = 30 + 70 * (number // 5), 20 + 60 * (number % 5)
        infrared[top : top + 24, left : left + 16] = 100 + 8 * number
    levels = [infrared[region.place][region.core].mean() for region in hot_regions(infrared)]
    assert levels == pytest.approx([212 - 8 * number for number in range(12)], abs=4)


@pytest.mark.parametrize(('right', 'count'), [(200, 1), (260, 0)])
def test_what_is_larger_than_a_near_car_is_no_region(right, count):
    infrared = flat(60)
    infrared[100:120, 60:right] = 160  # 3.4 or 4.9 % of the image
    assert len(hot_regions(infrared)) == count


def test_a_sky_that_goes_dark_and_gets_a_grid():
    visible = flat(60)
    visible[:128] = 220
    fused, grid = visible.copy(), np.where(np.arange(SHAPE[1]) % 2, 5.0, -5.0)
    fused[:128] += grid - 40
    fused[128:] += 99  # not bright before: does not count
    assert sky_change(visible, fused) == pytest.approx((40, 5))
    assert sky_change(visible, visible) == (0, 0)
    assert np.isnan(sky_change(flat(60), flat(200))).all()


@pytest.mark.parametrize(('bright', 'rough', 'sky'), [(135, 7, True), (125, 7, False), (135, 9, False)])
def test_what_is_dim_or_rough_is_no_sky(bright, rough, sky):
    visible = flat(60)
    visible[:128] = bright + np.where(np.arange(SHAPE[1]) % 2, rough, -rough)
    assert np.isfinite(sky_change(visible, visible)).all() == sky


def test_noise_that_one_source_brings():
    noise = np.random.default_rng(0).normal(0, 2, SHAPE)
    visible, infrared = flat(100), 80 + noise
    assert flat_noise(visible, infrared, visible) == pytest.approx(0)
    whole = flat_noise(visible, infrared, infrared)
    assert 1.6 < whole < 2.1  # a little of it counts as form
    assert flat_noise(visible, infrared, 90 + noise / 2) == pytest.approx(whole / 2)
    ramp = np.tile(np.arange(float(SHAPE[1])) * 0.7, (SHAPE[0], 1))
    assert np.isnan(flat_noise(ramp, infrared, ramp))


def test_overshoot_beside_an_edge():
    edge = flat(50)
    edge[:, 160:] = 150
    assert fringe(edge, flat(100), edge) == 0
    fused = edge.copy()
    fused[:, 160:164], fused[:, 156:160] = 170, 40  # eighteen columns lie beside the edge
    assert fringe(edge, flat(100), fused) == pytest.approx((4 * 20 + 4 * 10) / 18)
    fused = edge.copy()
    fused[:, 160:163] = 50  # an edge that moved is no fringe
    assert fringe(edge, flat(100), fused) == 0
    assert np.isnan(fringe(flat(1), flat(2), flat(3)))


def test_a_veil_on_a_road():
    visible, infrared = with_person(80, 40), with_person(60, 200)
    between, veiled = with_person(70, 240), with_person(110, 240)
    assert veil(visible, infrared, between) == 0  # the person is brighter than in both sources, and no surface
    assert veil(visible, infrared, veiled) == pytest.approx(30, abs=0.5)
    assert veil(visible, infrared, with_person(50, 240)) == pytest.approx(10, abs=0.5)  # darker than both
    half = between.copy()
    half[128:] = veiled[128:]
    assert veil(visible, infrared, half) == pytest.approx(15, abs=1)
    stripes = np.tile(np.where(np.arange(SHAPE[1]) // 8 % 2, 0.0, 100.0), (SHAPE[0], 1))
    assert np.isnan(veil(stripes, infrared, veiled))


def coloured(person: tuple[float, float, float], ground: tuple[float, float, float] = (90, 90, 90)) -> np.ndarray:
    image = np.full((*SHAPE, 3), ground, float)
    image[PERSON] = person
    return image


@pytest.mark.parametrize(
    ('fused', 'lost'),
    [
        (coloured((200, 40, 60)), 0),
        (coloured((240, 80, 100)), 0),  # brighter, with the same colour
        (coloured((100, 20, 30), (45, 45, 45)), 0),  # half as bright, and half of the colour
        (coloured((160, 80, 90)), 0.5),
        (coloured((150, 150, 150)), 1),
        (coloured((60, 200, 40)), 1),  # another colour
        (flat(120), 1),
    ],
)
def test_colours_of_clothes_that_are_drained(fused, lost):
    assert colour_lost(coloured((200, 40, 60)), fused) == pytest.approx(lost, abs=0.03)


def test_colours_without_contrast_of_their_own_do_not_count():
    hedge = np.full((*SHAPE, 3), (60.0, 120.0, 50.0))
    drained = hedge.copy()
    drained[PERSON] = 200  # a person whom only the infrared image shows
    assert np.isnan(colour_lost(hedge, drained)) and np.isnan(colour_lost(flat(80), drained))
    assert np.isnan(colour_lost(coloured((100, 85, 90)), drained))  # hardly a colour


def test_the_protocol_takes_all_of_them():
    visible, infrared = flat(60), with_person(50, 150)
    visible[:64] = 220
    scores = target_scores(visible, infrared, np.repeat(visible[..., None], 3, axis=2))
    assert tuple(scores) == TARGET_METRICS == PROTOCOLS['targets'].metrics
    assert scores['Hot_contrast'] == pytest.approx(0) and scores['Hot_lost'] == 1 and scores['Sky_moved'] == 0
    assert scores['Veil'] == 0 and np.isnan(scores['Colour_lost'])  # the visible image is grey
    assert [lower_is_better(name) for name in TARGET_METRICS] == [k not in (0, 2, 3) for k in range(10)]
    with pytest.raises(ValueError, match='differ in size'):
        target_scores(visible[:100], infrared, visible)
