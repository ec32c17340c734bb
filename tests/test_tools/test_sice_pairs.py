"""SICE's folders of exposures."""

from pathlib import Path

import cv2
from helpers.layouts import grey, write
from helpers.tools_in_process import run

TOOL = Path(__file__).resolve().parents[2] / 'tools/dataset_converters/sice_pairs.py'


def test_the_darkest_and_the_brightest_of_each_scene(tmp_path):
    for scene in ('1', '2'):
        for number, light in (('1', 0.9), ('2', 0.2), ('3', 0.5)):
            write(tmp_path / f'Part1/{scene}/{number}.JPG', (grey(int(scene)) * light).astype('uint8'))
        write(tmp_path / f'Part1/Label/{scene}.JPG', grey(int(scene)))
    write(tmp_path / 'Part1/3/1.JPG', grey(3))  # one picture is no series
    assert '2 pairs' in run(TOOL, 'Part1', 'out', cwd=tmp_path)
    assert '2 pairs' in run(TOOL, 'Part1', 'out', cwd=tmp_path)  # again, over what is there
    for scene in ('1', '2'):
        under, over = (cv2.imread(str(tmp_path / f'out/{side}/{scene}.jpg')) for side in ('under', 'over'))
        assert abs(under.mean() / over.mean() - 0.2 / 0.9) < 0.02
    assert not list(tmp_path.glob('out/*/3.jpg'))
    assert not list(tmp_path.glob('out/*/Label*'))


def test_hidden_files_and_the_pairs_of_before_are_no_scenes(tmp_path):
    for scene in ('1', '2', '.hidden'):
        for number, light in (('1', 0.9), ('2', 0.2)):
            write(tmp_path / f'{scene}/{number}.JPG', (grey(1) * light).astype('uint8'))
            (tmp_path / scene / f'._{number}.JPG').write_bytes(b'a note of another system')
    assert '2 pairs' in run(TOOL, '.', '.', cwd=tmp_path)
    assert '2 pairs' in run(TOOL, '.', tmp_path, cwd=tmp_path)
    assert sorted(path.name for path in tmp_path.glob('under/*')) == ['1.jpg', '2.jpg']
