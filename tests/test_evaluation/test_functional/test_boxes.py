import numpy as np

from mmdefusion.evaluation.functional.boxes import box_overlaps


def test_overlaps_of_boxes():
    others = [[0, 0, 10, 10], [5, 0, 15, 10], [10, 0, 20, 10], [0, 0, 20, 20], [3, 3, 3, 3], [-30, 0, -20, 10]]
    found = box_overlaps(np.array([0.0, 0, 10, 10]), np.array(others, float))
    np.testing.assert_allclose(found, [1, 1 / 3, 0, 1 / 4, 0, 0])
    assert box_overlaps(np.zeros(4), np.zeros((2, 4))).tolist() == [0, 0]
    assert box_overlaps(np.zeros(4), np.zeros((0, 4))).shape == (0,)
