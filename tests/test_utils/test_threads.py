import threading

import pytest

from mmdefusion.utils.threads import AHEAD, map_in_threads


@pytest.mark.parametrize('workers', [1, 2, 5])
def test_results_come_in_order_and_few_are_begun_ahead(workers):
    begun, seen = [], []
    for place, result in enumerate(map_in_threads(lambda item: begun.append(item) or item * item, range(40), workers)):
        seen.append(result)
        assert len(begun) <= place + 1 + AHEAD * workers
    assert seen == [item * item for item in range(40)] and sorted(begun) == list(range(40))


def test_two_threads_work_at_once():
    both = threading.Barrier(2, timeout=30)  # broken, and so an error, if they do not meet
    assert len(list(map_in_threads(lambda item: both.wait(), range(4), 2))) == 4


@pytest.mark.parametrize('workers', [1, 3])
def test_after_an_error_no_item_is_begun(workers):
    begun = []

    def work(item: int) -> int:
        begun.append(item)
        if item == 2:
            raise OSError('full')
        return item

    results = map_in_threads(work, range(100), workers)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(OSError, match='full'):
        next(results)
    assert len(begun) <= 3 + AHEAD * workers


def test_there_is_a_worker():
    with pytest.raises(ValueError, match='workers=0 must be at least 1'):
        map_in_threads(str, [1], 0)
