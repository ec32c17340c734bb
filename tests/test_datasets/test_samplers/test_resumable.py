from itertools import islice

import pytest

from mmdefusion.datasets.samplers import ResumableSampler


def draw(count, start=0, rank=0, world_size=1, **options):
    sampler = ResumableSampler(range(10), seed=3, **options)
    sampler.start, sampler.rank, sampler.world_size = start, rank, world_size
    return list(islice(sampler, count))


def test_every_pass_has_each_sample_once_in_an_order_of_its_own():
    first, second = draw(20)[:10], draw(20)[10:]
    assert sorted(d.index for d in first) == sorted(d.index for d in second) == list(range(10))
    assert [d.index for d in first] != [d.index for d in second]


def test_it_goes_on_where_it_was_left():
    assert draw(25)[7:] == draw(18, start=7)


def test_processes_share_the_passes():
    ranks = [draw(10, rank=rank, world_size=2) for rank in range(2)]
    assert [d for pair in zip(*ranks, strict=True) for d in pair] == draw(20)
    assert draw(10, rank=1, world_size=2)[4:] == draw(6, start=4, rank=1, world_size=2)


def test_augmentations():
    assert len({d.seed for d in draw(50)}) == 50
    assert len({d.seed for d in draw(50, augmentations=2)}) == 20
    with pytest.raises(ValueError, match='augmentations=0'):
        ResumableSampler(range(3), seed=0, augmentations=0)


def test_another_number_of_processes_goes_on_with_the_same_batches():
    """Three iterations of two processes with batches of 2, then of four processes with batches of 1."""
    whole = [draw(20, rank=rank, world_size=2) for rank in range(2)]
    before = {sample for rank in whole for sample in rank[:6]}
    after = [{sample for rank in whole for sample in rank[2 * step : 2 * step + 2]} for step in range(3, 6)]
    four = [draw(3, start=3, rank=rank, world_size=4) for rank in range(4)]
    assert [set(batch) for batch in zip(*four, strict=True)] == after
    assert not before & set().union(*after)
