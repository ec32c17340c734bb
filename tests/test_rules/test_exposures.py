"""Colours of exposures, on images whose answer is known."""

import pytest
import torch
from torch.testing import assert_close

from mmdefusion.models.fusers import filters  # noqa: F401  with it, rules take tensors
from mmdefusion.rules import exposures
from mmdefusion.rules.exposures import STRENGTH, keep_colours
from mmdefusion.rules.luma import luma

SKY = torch.tensor([0.25, 0.35, 0.45])[:, None, None]
SIZE = 24, 32


def evenly(colour: torch.Tensor) -> torch.Tensor:
    return colour.expand(3, *SIZE).contiguous()


def test_what_is_white_in_one_has_the_colours_of_the_other():
    short, white = evenly(SKY), torch.ones(3, *SIZE)
    faded = (short + white) / 2  # a grey sky
    found = keep_colours(faded, (short, white))
    assert_close(luma(found), luma(faded))
    ours, theirs, before = (image - luma(image) for image in (found, short, faded))
    factor = ours / theirs  # the same hue, and more of it than the mean has
    assert_close(factor, factor.mean().expand_as(factor), atol=1e-3, rtol=0)
    assert factor.mean() > 2.5 * (before / theirs).mean()
    assert_close(found, keep_colours(faded, (white, short)))


@pytest.mark.parametrize(
    'sources',
    [
        (evenly(SKY), evenly(SKY)),
        (torch.ones(3, *SIZE), torch.ones(3, *SIZE)),  # no source has colours
        (evenly(SKY), evenly(1.5 * SKY)),  # both have them
        (evenly(SKY) * 0.1, torch.ones(3, *SIZE)),  # too dark to tell colour from noise
    ],
)
def test_what_says_nothing_of_colours_changes_nothing(sources):
    fused = torch.rand(3, *SIZE)
    assert torch.equal(keep_colours(fused, sources), fused)


def test_noise_is_not_brightened_without_limit(monkeypatch):
    monkeypatch.setattr(exposures, 'BRIGHTER', 1.5)
    dark, white = evenly(SKY) * 0.8, torch.ones(3, *SIZE)  # light enough for its colours to count wholly
    fused = evenly(luma(dark)[..., :1, :1]) * 2.5
    found = keep_colours(fused, (dark, white))
    factor = (found - luma(found)) / (dark - luma(dark))
    assert_close(factor, torch.full_like(factor, 1.5**STRENGTH), atol=1e-3, rtol=0)


def test_noise_of_a_dark_source_is_smoothed():
    dark, white = evenly(SKY) * 0.8 + 0.02 * torch.randn(3, *SIZE), torch.ones(3, *SIZE)
    found = keep_colours(torch.full((3, *SIZE), 0.6), (dark, white))
    ours, theirs = ((image - luma(image)).std((1, 2)).mean() for image in (found, dark))
    assert ours < 0.6 * theirs  # though its colours are 1.6 times as strong


def test_a_brighter_source_has_weaker_colours():
    bright, white = evenly(SKY) * 1.6, torch.ones(3, *SIZE)
    fused = evenly(luma(bright)[..., :1, :1]) * 0.5
    found = keep_colours(fused, (bright, white))
    factor = (found - luma(found)) / (bright - luma(bright))
    assert_close(factor, torch.full_like(factor, 0.5), atol=1e-3, rtol=0)


def test_of_several_exposures_the_lightest_that_lost_nothing_counts():
    blue, red, white = evenly(SKY), evenly(SKY.flip(0)) * 0.6, torch.ones(3, *SIZE)
    fused = torch.full((3, *SIZE), 0.6)
    wanted = keep_colours(fused, (blue, white))
    for order in ((blue, red, white), (white, red, blue), (red, white, blue)):
        assert_close(keep_colours(fused, order), wanted)


def test_places_fade_into_each_other():
    """A source that grows brighter from left to right loses its colours smoothly."""
    ramp = torch.linspace(0.4, 1.6, SIZE[1]).expand(3, *SIZE)
    long, short = (ramp * SKY * 2).clip(0, 1), (ramp * SKY).clip(0, 1)
    fused = (long + short) / 2
    steps = (keep_colours(fused, (short, long)) - fused).diff(dim=-1).abs().amax((0, 1))
    assert steps.max() < 0.02  # 0.024 where they change at once


def test_values_stay_in_range():
    sources = torch.rand(2, 3, *SIZE)
    sources[1] = (sources[1] * 2).clip(0, 1)
    found = keep_colours(torch.rand(3, *SIZE) * 1.4 - 0.2, tuple(sources))
    assert found.min() >= -1e-6 and found.max() <= 1 + 1e-6
