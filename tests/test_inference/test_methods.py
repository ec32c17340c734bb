"""Fused images of other methods beside the pairs."""

import unicodedata
import warnings

import pytest
from helpers.layouts import grey, write

from mmdefusion.inference.methods import find_methods


def test_methods_with_an_image_of_every_pair(tmp_path):
    for place in ('WHOLE/0', 'WHOLE/1', 'MORE/0', 'MORE/1', 'MORE/2', 'LESS/1', 'TWICE/0', 'TWICE/1', '.hidden/0'):
        write(tmp_path / f'{place}.png', grey(0, 20, 20))
    write(tmp_path / 'TWICE/0.jpg', grey(0, 20, 20))
    (tmp_path / 'EMPTY').mkdir()
    (tmp_path / 'notes.txt').touch()
    with pytest.warns(UserWarning) as told:
        found = find_methods(tmp_path, ['0', '1'])
    assert found == {name: {pair: str(tmp_path / name / f'{pair}.png') for pair in '01'} for name in ('MORE', 'WHOLE')}
    said = '\n'.join(str(one.message) for one in told)
    assert 'EMPTY has no image in it or below. The method is left out.' in said
    assert 'LESS has no image of 1 of 2 pairs (0): the method is left out.' in said
    assert 'MORE has 1 more than the images of the pairs (2): they are not used.' in said
    assert 'have the same name: keep one of them. The method is left out.' in said and len(told) == 4


def test_names_in_two_forms_of_unicode_are_one(tmp_path):
    name = 'größe'
    write(tmp_path / f'OTHER/{unicodedata.normalize("NFD", name)}.png', grey(0, 20, 20))
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        assert list(find_methods(tmp_path, [name])['OTHER']) == [name]


def test_no_methods(tmp_path):
    assert find_methods(tmp_path / 'absent', ['0']) == {}
