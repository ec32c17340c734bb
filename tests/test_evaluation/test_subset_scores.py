"""Scores of a part of a split, on cases whose values can be counted by hand."""

import json

import numpy as np
import pytest

from mmdefusion.evaluation.subset_scores import class_iou, class_precision

pytest.importorskip('mmseg')
BOX = [10, 10, 40, 40]


@pytest.fixture
def truth(tmp_path):
    """Two images with a car each; nobody is on them."""
    path = tmp_path / 'truth.json'
    cars = [dict(id=i, image_id=i, category_id=7, bbox=BOX, area=1600, iscrowd=0) for i in (1, 2)]
    categories = [dict(id=7, name='car'), dict(id=8, name='person')]
    images = [dict(id=i, file_name=f'{i}.png', width=80, height=64) for i in (1, 2)]
    path.write_text(json.dumps(dict(images=images, annotations=cars, categories=categories)))
    return path


def detection(image: int, box=BOX) -> dict:
    return dict(image_id=image, category_id=7, bbox=box, score=0.9)


def test_iou_counts_pixels_of_all_masks_together():
    true = np.array([[0, 0, 1, 1]])
    first, second = np.array([[0, 0, 1, 0]]), np.array([[0, 1, 1, 1]])
    assert class_iou([(first, true), (second, true)], 3) == pytest.approx([3 / 5, 3 / 5, np.nan], nan_ok=True)


def test_ignored_pixels_do_not_count():
    masks = [(np.array([[0, 1, 1]]), np.array([[0, 1, 255]]))]
    assert class_iou(masks, 2) == pytest.approx([1, 1])


def test_precision_of_the_images_asked_for(truth):
    """The box of the first image is right; in the second there is none."""
    found = [detection(1)]
    assert class_precision(truth, found, [1], ['car'])[:, 0] == pytest.approx(np.ones(10))
    assert class_precision(truth, found, [2], ['car'])[:, 0] == pytest.approx(np.zeros(10))
    assert class_precision(truth, found, [1, 2], ['car'])[:, 0] == pytest.approx(51 / 101 * np.ones(10))


def test_precision_falls_with_the_threshold(truth):
    """A box moved by a seventh of its side has an IoU of 0.75."""
    moved = [10 + 40 / 7, 10, 40, 40]
    precision = class_precision(truth, [detection(1, moved)], [1], ['car'])[:, 0]
    assert precision[[0, 4, 6, 9]] == pytest.approx([1, 1, 0, 0])  # at IoU 0.5, 0.7, 0.8, 0.95


def test_classes_that_no_image_has(truth):
    precision = class_precision(truth, [detection(1)], [1], ['person', 'car', 'unicorn'])
    assert np.isnan(precision[:, [0, 2]]).all() and precision[0, 1] == pytest.approx(1)


def test_columns_are_those_of_the_classes_as_asked_for(truth):
    """COCO's evaluation sorts the ids of classes and takes each once."""
    content = json.loads(truth.read_text())
    content['annotations'][0]['category_id'] = 8
    truth.write_text(json.dumps(content))
    found = [dict(detection(1), category_id=8)]  # the person, and not the car
    assert class_precision(truth, found, [1, 2], ['person', 'car'])[0].tolist() == pytest.approx([1, 0])
    assert class_precision(truth, found, [1, 2], ['car', 'person'])[0].tolist() == pytest.approx([0, 1])
    wider = class_precision(truth, found, [1, 2], ['person', 'bus', 'truck', 'person'])
    assert wider[0].tolist() == pytest.approx([1, np.nan, np.nan, 1], nan_ok=True)


def test_nothing_found_is_zero(truth):
    assert class_precision(truth, [], [1, 2], ['car']) == pytest.approx(np.zeros((10, 1)))
