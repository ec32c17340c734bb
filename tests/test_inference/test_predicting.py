"""What detectors and segmenters share, with one that marks bright pixels."""

import errno
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.layouts import grey, write

from mmdefusion.inference import predicting
from mmdefusion.inference.outputs import NotAllDone
from mmdefusion.inference.predicting import Predicting, in_few_bits, write_labels
from mmdefusion.utils.files import write_image


class Bright(Predicting):
    suffix, reading, show_progress, fuser = '.labels.png', {}, False, None

    def predict(self, batches, resize=False, failures=None):
        for batch in batches:
            for item in batch:
                yield item, (item.read()[0][..., 0] > 127).astype(np.int64)

    def draw_on(self, picture, sample):
        if picture[0, 0, 0] == 1:
            raise ValueError('too dark to be drawn on')
        if picture[0, 0, 0] == 2:
            raise cv2.error('(-215) of its source')
        return picture

    def plain(self, sample):
        return in_few_bits(sample, 2)

    def save(self, sample, path):
        write_labels(path, sample, 2)


def folders(root: Path, *names: str) -> tuple[str, str]:
    for name in names:
        for kind in ('vi', 'ir'):
            write(root / kind / f'{name}.png', grey(0, 24, 32))
    return str(root / 'vi'), str(root / 'ir')


def test_series_that_are_not_kept_are_counted(tmp_path):
    sources = folders(tmp_path, 'a', 'b', 'c')
    assert Bright().run(*sources, out_dir=tmp_path / 'out', keep=False) == dict(count=3)
    assert len(os.listdir(tmp_path / 'out/preds')) == len(os.listdir(tmp_path / 'out/vis')) == 3
    kept = Bright().run(*sources)
    assert [found.dtype for found in kept['predictions']] == [np.uint8] * 3
    with pytest.raises(ValueError, match='return_vis=True with keep=False'):
        Bright().run(*sources, return_vis=True, keep=False)


def test_processes_share_a_series_and_go_on_where_they_were_stopped(tmp_path):
    sources, out = folders(tmp_path, *'abcde'), tmp_path / 'out'
    options = dict(out_dir=out, keep=False, resume=True)
    assert Bright().run(*sources, shard='2/2', **options) == dict(count=2)
    assert sorted(os.listdir(out / 'vis')) == ['b.png', 'd.png']
    (out / 'vis/b.png').unlink()  # stopped before its drawing
    (out / 'preds/d.labels.png').unlink()
    assert Bright().run(*sources, shard='2/2', **options) == dict(count=2)
    assert Bright().run(*sources, **options) == dict(count=3)
    assert Bright().run(*sources, **options) == dict(count=0)
    assert len(os.listdir(out / 'preds')) == len(os.listdir(out / 'vis')) == 5
    assert Bright().run(*sources, out_dir=out, keep=False) == dict(count=5)  # unless it is asked for
    for shard in ('0/2', '3/2', '2'):
        with pytest.raises(ValueError, match='must be i/n with i from 1 to n'):
            Bright().run(*sources, shard=shard)


def test_failures_of_a_shard_of_one_are_gathered_as_those_of_the_series(tmp_path):
    sources = folders(tmp_path, 'a', 'b')
    write(tmp_path / 'vi/b.png', np.ones((24, 32), np.uint8))
    with pytest.raises(NotAllDone, match='b: too dark to be drawn on'):
        Bright().run(*sources, out_dir=tmp_path / 'out', shard='2/2')


def test_a_video_is_whole_or_not_there(tmp_path):
    path, out = tmp_path / 'a.avi', tmp_path / 'out'
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'MJPG'), 10, (32, 32))
    for _ in range(3):
        writer.write(np.full((32, 32, 3), 200, np.uint8))
    writer.release()
    sources = str(path), str(path)
    with pytest.raises(ValueError, match="shard='1/2': videos are predicted whole"):
        Bright().run(*sources, out_dir=out, shard='1/2')
    assert Bright().run(*sources, out_dir=out, keep=False, resume=True) == dict(count=3)
    assert Bright().run(*sources, out_dir=out, keep=False, resume=True) == dict(count=0)
    (out / 'vis/a.mp4').unlink()
    assert Bright().run(*sources, out_dir=out, keep=False, resume=True) == dict(count=3)


def test_label_maps_have_few_bits():
    labels = np.array([[0, 255]])
    assert in_few_bits(labels, 2).dtype == in_few_bits(labels, 256).dtype == np.uint8
    assert in_few_bits(labels, 257).dtype == in_few_bits(labels + 1, 2).dtype == np.uint16  # a class without a name
    assert in_few_bits(labels[:0], 2).shape == (0, 2)


def test_a_name_that_is_too_long_for_a_result_does_not_end_a_folder(tmp_path):
    long = 'b' * 251  # with .png a file may have it
    sources = folders(tmp_path, 'a', long, 'c')
    with pytest.raises(NotAllDone, match='a result cannot have such a name') as raised:
        Bright().run(*sources, out_dir=tmp_path / 'out', keep=False)
    assert list(raised.value.failures) == [long] and raised.value.results == dict(count=2)
    assert sorted(os.listdir(tmp_path / 'out/vis')) == ['a.png', 'c.png']
    pair = [f'{source}/{long}.png' for source in sources]
    with pytest.raises(OSError, match='rename the source'):
        Bright().run(*pair, out_dir=tmp_path / 'out')


def test_a_name_that_is_too_long_for_drawings_alone_leaves_the_prediction(tmp_path, monkeypatch):
    def write_some(path: Path, image: np.ndarray) -> Path:
        if path.parts[-2:] == ('vis', 'b.png'):
            raise OSError(errno.ENAMETOOLONG, 'File name too long')
        return write_image(path, image)

    monkeypatch.setattr(predicting, 'write_image', write_some)
    with pytest.raises(NotAllDone, match='a result cannot have such a name') as raised:
        Bright().run(*folders(tmp_path, 'a', 'b', 'c'), out_dir=tmp_path / 'out', return_vis=True)
    assert list(raised.value.failures) == ['b']
    assert [len(found) for found in raised.value.results.values()] == [3, 3]
    assert sorted(os.listdir(tmp_path / 'out/preds')) == [f'{name}.labels.png' for name in 'abc']


@pytest.mark.parametrize('shade', [1, 2])
def test_what_cannot_be_drawn_does_not_end_a_folder(shade, tmp_path):
    sources = folders(tmp_path, 'a', 'b', 'c')
    write(tmp_path / 'vi/b.png', np.full((24, 32, 3), shade, np.uint8))
    with pytest.raises(NotAllDone, match='b: (too dark|OpenCV cannot draw on it)') as raised:
        Bright().run(*sources, out_dir=tmp_path / 'out')
    assert len(raised.value.results['predictions']) == 3  # each was made, and the drawing is at fault
    assert sorted(os.listdir(tmp_path / 'out/preds')) == [f'{name}.labels.png' for name in 'abc']
    assert sorted(os.listdir(tmp_path / 'out/vis')) == ['a.png', 'c.png']
    with pytest.raises(NotAllDone) as raised:
        Bright().run(*sources, return_vis=True)
    assert [image is None for image in raised.value.results['visualization']] == [False, True, False]
    with pytest.raises(NotAllDone) as raised:
        Bright().run(*sources, out_dir=tmp_path / 'out', keep=False)
    assert raised.value.results == dict(count=3)
    assert len(Bright().run(*sources)['predictions']) == 3  # without drawings nothing is wrong
    with pytest.raises(ValueError, match='too dark|OpenCV cannot draw on it'):
        Bright().run(f'{sources[0]}/b.png', f'{sources[1]}/b.png', return_vis=True)
    with pytest.raises(ValueError, match='too dark|OpenCV cannot draw on it'):
        Bright().run(f'{sources[0]}/b.png', f'{sources[1]}/b.png', out_dir=tmp_path / 'alone')
    assert os.listdir(tmp_path / 'alone/preds') == ['b.labels.png']


def test_a_full_disk_ends_a_folder(tmp_path, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr(Bright, 'save', full)
    with pytest.raises(OSError, match='No space left') as raised:
        Bright().run(*folders(tmp_path, 'a', 'b'), out_dir=tmp_path / 'out')
    assert not isinstance(raised.value, NotAllDone)
