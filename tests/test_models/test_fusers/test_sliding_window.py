import pytest
import torch
from torch.testing import assert_close

from mmdefusion.models.fusers import SlidingWindow
from mmdefusion.models.structures import Pair


def both(pair):
    """A network that does nothing: both pictures as they are."""
    return torch.stack(pair, dim=1)


@pytest.mark.parametrize('size', [(331, 585), (64, 300), (65, 64), (20, 500), (7, 9)])
def test_what_goes_in_comes_out(size):
    windows = SlidingWindow(size=64, overlap=16, whole_below=64)
    a, b = torch.rand(2, 3, *size)
    assert_close(windows(both, Pair(a, b)), torch.stack([a, b]), atol=1e-6, rtol=0)


def test_small_pictures_stay_whole_and_large_ones_are_cut():
    seen = []

    def network(pair):
        seen.append(tuple(pair.a.shape))
        return both(pair)

    windows = SlidingWindow(size=64, overlap=16, whole_below=100 * 100, batch_size=3)
    picture = torch.rand(3, 90, 110)
    windows(network, Pair(picture, picture))
    assert seen == [(1, 3, 90, 110)]
    seen.clear()
    picture = torch.rand(3, 100, 160)
    windows(network, Pair(picture, picture))
    assert seen == [(3, 3, 64, 64), (3, 3, 64, 64)]  # two by three


def test_no_seams():
    """Windows that disagree, each with a brightness of its own, fade into each other."""
    count = 0

    def moody(pair):
        nonlocal count
        levels = torch.arange(count, count + len(pair.a), dtype=torch.float32) % 3
        count += len(pair.a)
        return both(pair) * 0 + levels.view(-1, 1, 1, 1, 1)

    picture = torch.zeros(3, 64, 400)
    blended = SlidingWindow(size=64, overlap=32, whole_below=1, batch_size=2)(moody, Pair(picture, picture))[0, 0, 30]
    steps = blended.diff().abs()
    assert blended.max() - blended.min() > 1.5
    assert steps.max() < 2 * (torch.pi / 2) / 32  # the steepest of a cosine over 32 pixels, two levels apart


def test_windows_that_cannot_be_laid_out():
    with pytest.raises(ValueError, match='size=100 of a window must be a multiple of 16'):
        SlidingWindow(size=100)
    with pytest.raises(ValueError, match='overlap=40 must be at least 1 and at most half of size=64'):
        SlidingWindow(size=64, overlap=40)
