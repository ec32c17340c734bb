"""Which rule a task takes where nothing is said, and what is refused."""

import pytest

from mmdefusion.rules.options import DETAIL_WITH_TARGETS, TASKS, choose_rule


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
        (dict(task='ivf', detail='fine'), "detail='fine' is neither 'residual' nor None"),
        (dict(task='ivf', target='people'), "target='people' is none of keep, highlight, off"),
        (dict(task='mef', target='keep'), "target='keep' needs an infrared and a visible image"),
        (dict(task='ivf', colour='rgb', target='keep'), "goes with colour='luma' or 'grey'"),
    ],
)
def test_what_does_not_go_together_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        choose_rule(**given)
