import math

from mmdefusion.evaluation.scores import mean_row, write_scores


def test_an_image_may_be_called_mean(tmp_path):
    rows = {'mean': {'EN': 1.0}, 'b': {'EN': 2.0}}
    assert mean_row(list(rows.values())) == {'EN': 1.5}
    write_scores(rows, tmp_path / 'scores.csv')
    assert (tmp_path / 'scores.csv').read_text().split() == ['image,EN', 'mean,1.000000', 'b,2.000000', 'mean,1.500000']


def test_images_without_a_metric_are_left_out_of_its_mean():
    mean = mean_row([{'sky': math.nan, 'hot': 1.0, 'none': math.nan}, {'sky': 4.0, 'hot': 2.0, 'none': math.nan}])
    assert mean['sky'] == 4.0 and mean['hot'] == 1.5 and math.isnan(mean['none'])
