import os
from pathlib import Path

import pytest

from mmdefusion.datasets.pairing import absent_files, other_ending, partner_path, strip_suffix
from mmdefusion.utils.storage import is_local


@pytest.mark.parametrize(
    'img_path, vi_suffix, ir_suffix, expected',
    [
        ('data/vi/a/b.jpg', None, None, 'data/ir/a/b.jpg'),
        ('data/vi/b.jpg', None, '.png', 'data/ir/b.png'),
        ('data/vi/b_RGB.jpg', '_RGB.jpg', '_T.jpeg', 'data/ir/b_T.jpeg'),
        ('data/vi/b.c.jpg', None, '.png', 'data/ir/b.c.png'),
    ],
)
def test_partner_path(img_path: str, vi_suffix: str | None, ir_suffix: str | None, expected: str) -> None:
    for slash in ('', '/'):
        assert partner_path(img_path, f'data/vi{slash}', f'data/ir{slash}', vi_suffix, ir_suffix) == expected


def test_partner_path_of_a_url_keeps_its_scheme() -> None:
    assert partner_path('s3://bucket/vi/a.png', 's3://bucket/vi', 's3://bucket/ir') == 's3://bucket/ir/a.png'


@pytest.mark.parametrize('prefix', ['data/vi', 'data/vi/', ''])
def test_partner_path_of_a_folder_whose_name_begins_alike(prefix: str) -> None:
    if prefix:
        with pytest.raises(ValueError, match=r'data/vi2/a\.png is not under data/vi'):
            partner_path('data/vi2/a.png', prefix, 'data/ir')
    else:
        assert partner_path('data/vi2/a.png', prefix, 'ir') == 'ir/data/vi2/a.png'


def test_partner_path_outside_the_prefix_is_an_error() -> None:
    with pytest.raises(ValueError, match=r'/other/a\.png is not under data/vi'):
        partner_path('/other/a.png', 'data/vi', 'data/ir')


def test_partner_path_with_another_suffix_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"a\.png does not end with '_RGB\.jpg'"):
        partner_path('vi/a.png', 'vi', 'ir', '_RGB.jpg', '_T.jpeg')


def test_absent_files_are_found_by_listing_each_folder_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ('a', 'b'):
        (tmp_path / name).touch()
    listed = []
    listdir = os.listdir
    monkeypatch.setattr(os, 'listdir', lambda folder: listed.append(folder) or listdir(folder))
    paths = [str(tmp_path / name) for name in ('a', 'b', 'c', 'nowhere/a', 'nowhere/b')]
    assert absent_files(paths) == paths[2:]
    assert listed == [str(tmp_path)]


def test_an_image_of_another_ending_is_named(tmp_path: Path) -> None:
    (tmp_path / 'a.TIF').touch()
    assert other_ending(str(tmp_path / 'a.jpg')) == (" (but a.TIF is: set ir_suffix='.TIF')")
    assert other_ending(str(tmp_path / 'b.jpg')) == ''
    (tmp_path / 'a_ir.jpg').touch()
    assert other_ending(str(tmp_path / 'a_ir.png'), '_ir.png') == " (but a_ir.jpg is: set ir_suffix='_ir.jpg')"
    assert other_ending(str(tmp_path / 'a.jpg'), '.jpg') == " (but a.TIF is: set ir_suffix='.TIF')"


def test_remote_files_are_taken_to_be_there() -> None:
    assert not is_local('http://host/a.png')
    assert absent_files(['http://host/a.png', 'http://host/b.png']) == []


@pytest.mark.parametrize(
    'line, image_id',
    [('00001', '00001'), ('00001.png', '00001'), ('a/b.c.JPG', 'a/b.c'), ('1.xml', '1'), ('frame.01', 'frame.01')],
)
def test_strip_suffix(line: str, image_id: str) -> None:
    assert strip_suffix(line) == image_id
