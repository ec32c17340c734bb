"""Which rule a task takes where nothing is said, and what is refused."""

import pytest

from mmdefusion.rules.options import (
    DETAIL_WITH_TARGETS,
    PAIR_PIXELS,
    TASKS,
    VIDEO_PIXELS,
    choose_pixels,
    choose_rule,
    read_detail,
)


def test_people_and_skies_are_kept_where_they_can_be():
    rule = choose_rule('ivf')
    assert (rule.colour, rule.target) == ('luma', 'keep')
    assert rule.detail == TASKS['ivf']['detail'] | DETAIL_WITH_TARGETS
    assert choose_rule('ivf', 'grey').target == 'keep'
    assert choose_rule('ivf', target='highlight').detail == rule.detail
    for task, colour in (('mef', 'exposed'), ('mff', 'rgb')):
        rule = choose_rule(task)
        assert (rule.colour, rule.target, rule.detail) == (colour, 'off', TASKS[task]['detail'])


def test_without_targets():
    assert choose_rule('ivf', target='off').detail == TASKS['ivf']['detail']
    assert choose_rule('ivf', detail=None).target == 'off'  # the paper's plain output stays plain
    assert choose_rule('ivf', detail=None, target='keep').target == 'keep'
    assert choose_rule('ivf', 'rgb').target == 'off'
    assert choose_rule('mef', detail=None).colour == 'rgb' and choose_rule('ivf', detail=None).colour == 'luma'
    assert choose_rule('mef', 'exposed', detail=None).colour == 'exposed'  # as it was asked for


@pytest.mark.parametrize(
    ('given', 'message'),
    [
        (dict(task='xyz'), "task='xyz' is none of ivf, mef, mff"),
        (dict(task='ivf', colour='red'), "colour='red' is none of rgb, exposed, luma, grey"),
        (dict(task='ivf', detail='fine'), "detail='fine' is neither 'residual' nor numbers of the rule nor None"),
        (dict(task='ivf', detail={}), 'an empty dict names none: the rule of detail has levels, boost'),
        (dict(task='ivf', detail=dict(bost=1)), 'bost: the rule of detail has levels, boost'),
        (dict(task='ivf', detail=dict(levels=2.5)), 'levels=2.5 of the rule of detail is not a whole number'),
        (dict(task='ivf', detail=dict(boost=-1)), 'boost=-1 of the rule of detail is not a number from 0 to 1000'),
        (dict(task='ivf', detail=dict(noise=float('nan'))), 'noise=nan of the rule'),
        (dict(task='ivf', detail=dict(guidance=1e300)), 'guidance=1e.300 of the rule'),
        (dict(task='ivf', detail=dict(boost='much')), 'boost=much of the rule'),
        (dict(task='ivf', target='people'), "target='people' is none of keep, highlight, off"),
        (dict(task='mef', target='keep'), "target='keep' needs an infrared and a visible image"),
        (dict(task='ivf', colour='rgb', target='keep'), "goes with colour='luma' or 'grey'"),
    ],
)
def test_what_does_not_go_together_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        choose_rule(**given)


def test_numbers_of_the_rule_come_before_those_of_the_task_and_of_targets():
    with_targets = choose_rule('ivf', detail=dict(boost=0.1, levels=3.0)).detail
    assert with_targets == TASKS['ivf']['detail'] | DETAIL_WITH_TARGETS | dict(boost=0.1, levels=3)
    assert isinstance(with_targets['levels'], int)
    assert choose_rule('mef', detail=dict(boost=0.1)).detail == TASKS['mef']['detail'] | dict(boost=0.1)
    assert choose_rule('ivf', detail=dict(boost=0)).target == 'keep'


def test_detail_is_read_from_text():
    assert read_detail('residual') == 'residual' and read_detail('none') is None
    assert read_detail('levels=5, boost=0.3') == dict(levels=5, boost=0.3)
    for text in ('', 'boost', 'Residual'):
        with pytest.raises(ValueError, match="is neither 'residual' nor 'none', nor numbers such as"):
            read_detail(text)
    for text in ('boost=', 'boost=much', 'boost=0.3,'):
        with pytest.raises(ValueError, match='is no NAME=NUMBER; names are levels, boost'):
            read_detail(text)
    with pytest.raises(ValueError, match='sharp: the rule of detail has'):
        read_detail('sharp=3')
    with pytest.raises(ValueError, match='gives boost twice'):
        read_detail('boost=0.3,levels=5, boost=0.4')


def test_what_the_network_sees_of_a_pair_and_of_a_frame():
    assert choose_pixels('ivf') == (PAIR_PIXELS, VIDEO_PIXELS)
    assert choose_pixels('mef') == choose_pixels('mff') == (None, VIDEO_PIXELS)  # whole exposures and foci
    assert choose_pixels('ivf', 5000) == choose_pixels('mef', 5000) == (5000, 5000)
    with pytest.raises(ValueError, match='network_pixels=0 must be at least 1'):
        choose_pixels('ivf', 0)
