import torch
from torch.testing import assert_close

from mmdefusion.models import ResidualDetail
from mmdefusion.models.fusers.colour import luma, with_luma
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


def test_a_picture_with_itself_comes_back():
    image, drawn = torch.rand(1, 24, 24), torch.rand(1, 24, 24)
    assert_close(ResidualDetail()(drawn, Pair(image, image), Pair(drawn, drawn)), image)


def test_the_more_active_source_gives_its_detail():
    texture, drawn = 0.2 * torch.randn(1, 40, 40), torch.full((1, 40, 40), 0.5)
    sources = Pair(drawn + texture, drawn + 0.01 * torch.randn(1, 40, 40))
    result = ResidualDetail(sharpness=4.0)(drawn, sources, Pair(drawn, drawn))
    assert_close(result, sources.a, atol=1e-3, rtol=0)
    mean = ResidualDetail(sharpness=0.0)(drawn, sources, Pair(drawn, drawn))
    assert_close(mean, (sources.a + sources.b) / 2)


def test_no_activity_at_all():
    flat = torch.zeros(1, 8, 8)
    assert_close(ResidualDetail()(flat + 0.3, Pair(flat, flat), Pair(flat, flat)), flat + 0.3)
