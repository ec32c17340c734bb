import pytest

from mmdefusion.evaluation.functional import VIFB_METRICS
from mmdefusion.evaluation.published import mean_rank, rank, vifb_method_means


def test_places():
    methods = {'a': {'Qabf': 0.5, 'Qcv': 10.0}, 'b': {'Qabf': 0.7, 'Qcv': 10.0}, 'c': {'Qabf': 0.6, 'Qcv': 5.0}}
    assert rank(methods) == {
        'a': {'Qabf': 3.0, 'Qcv': 2.5},
        'b': {'Qabf': 1.0, 'Qcv': 2.5},
        'c': {'Qabf': 2.0, 'Qcv': 1.0},
    }
    assert list(mean_rank(methods).items()) == [('c', 1.5), ('b', 1.75), ('a', 2.75)]


def test_the_published_table():
    methods = vifb_method_means()
    assert len(methods) == 26 and all(tuple(scores) == VIFB_METRICS for scores in methods.values())
    means = mean_rank(methods)
    # the benchmark's own order
    assert next(iter(means)) == 'Hybrid_MSD'
    assert means['Hybrid_MSD'] == pytest.approx(7.15, abs=0.005)
    for name, mean in (('IFCNN', 10.0), ('U2Fusion', 12.9), ('SwinFusion', 13.2)):
        assert means[name] == pytest.approx(mean, abs=0.06)
