import base64
import re

import cv2
import numpy as np
import pytest

from mmdefusion.visualization import Picture, Report, Sheet, Table


def test_text_is_escaped_everywhere():
    bad = '<script>alert("&")</script>'
    table = Table([bad], [[bad]], caption=bad)
    sheet = Sheet([[Picture(np.zeros((4, 4), np.uint8), bad)]], [bad], [bad], bad, {bad: (1, 2, 3)})
    page = Report(bad, [bad, f'# {bad}', table, sheet]).html()
    assert '<script' not in page
    assert page.count('&lt;script&gt;') == 13


def test_page_needs_nothing_else():
    page = Report('t', [Sheet([[np.zeros((4, 4), np.uint8)]])]).html()
    assert not re.search(r'https?:|<script|<link|@import', page)
    assert 'prefers-color-scheme: dark' in page
    assert set(re.findall(r'src="(.{11})', page)) == {'data:image/'}


def test_best_numbers_are_marked():
    rows = [['a', 81.34, 3], ['b', 90.04, 5], ['c', 90.0, 2], ['d', None, 9]]
    page = Table(['', 'mIoU', 'ms'], rows, best={1: 'max', 2: 'min'}).html()
    assert re.findall(r'<td class="best">([^<]*)<', page) == ['90.0', '90.0', '2']
    assert '<td>–</td>' in page


def test_lone_number_is_not_the_best():
    assert 'best' not in Table(['', 'x'], [['a', 1.0]], best={1: 'max'}).html()


def test_row_of_another_length_is_refused():
    with pytest.raises(ValueError, match='under 2 names'):
        Table(['a', 'b'], [['x']]).html()


def test_picture_travels_inside_the_page():
    image = np.zeros((16, 24, 3), np.uint8)
    image[:, 12:] = 250
    data = re.search(r'base64,([^"]+)"', Picture(image).html(48)).group(1)
    back = cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR)
    assert back.shape == image.shape
    assert np.abs(back.astype(int) - image).mean() < 4


def test_sheet_has_names_gaps_and_a_legend():
    gray = np.zeros((4, 4), np.uint8)
    page = Sheet([[gray, None], [gray, gray]], ['one', 'two'], ['day', 'night'], legend={'car': (1, 2, 3)}).html()
    assert page.count('<img') == 3 and page.count('<tr>') == 3
    assert 'rgb(1, 2, 3)' in page and '<td></td>' in page


def test_save_makes_the_folder(tmp_path):
    path = Report('title', ['text']).save(tmp_path / 'a' / 'report.html')
    assert path.read_text(encoding='utf-8').startswith('<!doctype html>')


def test_names_of_strangers_are_no_markup():
    name = 'vi/![x](y)<img src=x onerror=alert(1)>|a&b\nc\x1b]0;x\x07.png'
    table = Table(['model', name], [[name, 1.0]])
    assert (
        table.markdown().strip().splitlines()[-1]
        == r'| vi/!\[x](y)&lt;img src=x onerror=alert(1)>\|a&amp;b c\x1b]0;x\x07.png | 1.0 |'
    )
    assert all(line.isprintable() for line in table.text().splitlines())
