import numpy as np
import pytest

from mmdefusion.evaluation.functional import flicker

GREY = np.full((8, 10), 100.0)


@pytest.mark.parametrize(
    ('changes', 'expected'),
    [((0, 0, 0), 0), ((5, 0, 5), 0), ((0, -9, 9), 0), ((0, 0, 4), 4), ((3, 0, -10), 7), ((20, 0, 0), 0)],
)
def test_only_what_neither_source_does_is_flicker(changes, expected):
    assert flicker([GREY] * 3, [GREY + change for change in changes]) == pytest.approx(expected)


def test_it_is_a_mean_over_the_pixels():
    spot = GREY.copy()
    spot[0, 0] += 80
    assert flicker([GREY] * 3, [GREY, GREY, spot]) == pytest.approx(1)
