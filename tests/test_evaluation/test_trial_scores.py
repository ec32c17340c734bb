"""Scores as both toolboxes write them, read by hand-counted cases."""

from math import isnan, nan
from pathlib import Path

from mmdefusion.evaluation.trial_scores import (
    class_scores,
    main_score,
    mean_and_range,
    mean_and_spread,
    score_in_percent,
    short_name,
)


def test_units_and_absent_classes():
    segmenter = {'mIoU': 70.5, 'IoU/person': 49.6, 'IoU/cone': nan}
    detector = {'coco/bbox_mAP': 0.37, 'coco/person_precision': -1.0}
    assert score_in_percent(segmenter, 'mIoU') == 70.5
    assert score_in_percent(segmenter, 'IoU/person') == 49.6
    assert score_in_percent(detector, 'coco/bbox_mAP') == 37.0
    assert all(isnan(score_in_percent(segmenter, key)) for key in ('IoU/cone', 'IoU/car'))
    assert isnan(score_in_percent(detector, 'coco/person_precision'))


def test_a_detector_that_found_nothing_scores_nought():
    assert score_in_percent({}, 'coco/bbox_mAP') == 0.0
    assert main_score({}, ['mIoU', 'coco/bbox_mAP_50']) == ('AP50', 0.0)


def test_the_main_score_is_the_first_that_was_written():
    assert main_score({'coco/bbox_mAP_50': 0.832, 'coco/bbox_mAP': 0.5}, ['mIoU', 'coco/bbox_mAP_50']) == ('AP50', 83.2)


def test_keys_of_classes():
    assert class_scores('mmdet', ['car']) == {'car': 'coco/car_precision'}
    assert class_scores('mmseg', ['car']) == {'car': 'IoU/car'}


def test_mean_and_spread_over_seeds():
    assert mean_and_spread([36.0, 38.0, nan]) == '37.0 ± 1.4'
    assert mean_and_spread([37.0]) == '37.0'
    assert mean_and_spread([nan]) == '–'
    assert mean_and_range([36.0, 38.0]) == '37.0 ± 1.4 (36.0 to 38.0)'
    assert mean_and_range([]) == '–'


def test_short_names_of_configs():
    path = Path('configs/segmentation/defusionpp_vit-tiny_fcn_1xb4-500i_scenes-160x128_modality-dropout.py')
    assert short_name(path) == 'defusionpp_vit-tiny_fcn_modality-dropout'
    assert short_name(Path('mine.py')) == 'mine'
