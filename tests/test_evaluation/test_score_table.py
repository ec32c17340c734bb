import math

import pytest

from mmdefusion.evaluation.score_table import mean_row, write_scores


def test_an_image_may_be_called_mean(tmp_path):
    rows = {'mean': {'EN': 1.0}, 'b': {'EN': 2.0}}
    assert mean_row(rows) == {'EN': 1.5}
    assert write_scores(rows, tmp_path / 'scores.csv') == {'EN': 1.5}
    assert (tmp_path / 'scores.csv').read_text().split() == ['image,EN', 'mean,1.000000', 'b,2.000000', 'mean,1.500000']


def test_images_without_a_metric_are_left_out_of_its_mean():
    rows = {'a': {'sky': math.nan, 'hot': 1.0, 'none': math.nan}, 'b': {'sky': 4.0, 'hot': 2.0, 'none': math.nan}}
    mean = mean_row(rows)
    assert mean['sky'] == 4.0 and mean['hot'] == 1.5 and math.isnan(mean['none'])


def test_infinite_scores_are_named_and_left_out_of_the_mean():
    values = [30.0, math.inf, 20.0, -math.inf, *[math.inf] * 4]
    rows = {f'im{number}': {'PSNR': value, 'EN': 1.0} for number, value in enumerate(values)}
    with pytest.warns(UserWarning) as told:
        assert mean_row(rows) == {'PSNR': 25.0, 'EN': 1.0}
        assert math.isnan(mean_row({'a\x1b': {'PSNR': math.inf}})['PSNR'])
    why = '(a black image, say, or one that equals its sources)'
    assert [str(one.message) for one in told] == [
        f'PSNR is infinite for 6 image(s) (im1, im3, im4, im5, im6, ...): its mean is of the other 2 {why}.',
        f'PSNR is infinite for 1 image(s) (a\\x1b): it has no mean {why}.',
    ]
