import os
import shutil
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from helpers.full_disk import run_on_full_disk

from mmdefusion.utils.video_writer import VideoWriter, count_frames


def test_every_frame_is_there(tmp_path):
    pictures = np.random.default_rng(0).integers(0, 256, (5, 33, 47, 3), dtype=np.uint8)
    with VideoWriter(tmp_path / 'a.mp4', 10.0) as writer:
        for picture in pictures:
            writer.write(picture)
        assert not (tmp_path / 'a.mp4').exists()
        assert writer.finish() == tmp_path / 'a.mp4'
    assert count_frames(tmp_path / 'a.mp4') == 5
    assert os.listdir(tmp_path) == ['a.mp4']


@pytest.mark.parametrize(
    'rate', [0.01, 0.0123, 1, 23.976, 29.97, 65.534, 65.6, 119.88, 120.0312, 655.357, 999.99, 1000]
)
def test_every_rate_that_is_read_can_be_written(tmp_path, rate):
    with VideoWriter(tmp_path / 'a.mp4', rate) as writer:
        for _ in range(3):
            writer.write(np.zeros((32, 32, 3), np.uint8))
        writer.finish()
    capture = cv2.VideoCapture(str(tmp_path / 'a.mp4'))
    assert capture.get(cv2.CAP_PROP_FPS) == pytest.approx(rate, rel=1e-4, abs=5e-4)
    capture.release()


@pytest.mark.parametrize('limit', [1000, 30000])
def test_full_disk_leaves_no_video(tmp_path, limit):
    """OpenCV reports neither a frame nor an index that it could not write."""
    result = run_on_full_disk(
        limit,
        f"""
        from pathlib import Path
        import numpy as np
        from mmdefusion.utils.video_writer import VideoWriter
        frames = np.random.default_rng(0).integers(0, 256, (30, 64, 64, 3), dtype=np.uint8)
        with VideoWriter(Path({str(tmp_path / 'a.mp4')!r}), 10.0) as writer:
            for frame in frames:
                writer.write(frame)
            writer.finish()
        """,
    )
    assert result.returncode == 1
    assert 'of 30 frames were written: is the disk full?' in result.stderr
    assert not os.listdir(tmp_path)


def test_a_full_disk_is_noticed_while_the_video_is_written(tmp_path, monkeypatch):
    left = [10**9, 10**9, 4096]  # a disk that another program fills
    monkeypatch.setattr(shutil, 'disk_usage', lambda folder: SimpleNamespace(free=left.pop(0)))
    with VideoWriter(tmp_path / 'a.mp4', 10.0) as writer:
        with pytest.raises(OSError, match=r'a\.mp4: no room is left after 300 frames: is the disk full'):
            for _ in range(1000):
                writer.write(np.zeros((32, 32, 3), np.uint8))
        assert writer.frames == 300
    assert not os.listdir(tmp_path)


def test_a_video_that_is_cut_off_has_fewer_frames(tmp_path):
    with VideoWriter(tmp_path / 'a.mp4', 10.0) as writer:
        for value in range(9):
            writer.write(np.full((64, 64, 3), value * 20, np.uint8))
        writer.finish()
    content = (tmp_path / 'a.mp4').read_bytes()
    (tmp_path / 'b.mp4').write_bytes(content[: len(content) // 2])
    assert count_frames(tmp_path / 'b.mp4') < 9


def test_a_name_that_is_no_utf_8_is_refused(tmp_path):
    """OpenCV 5 would end the process."""
    folder = tmp_path / os.fsdecode(b'\xff')
    folder.mkdir()
    for work in (lambda: VideoWriter(folder / 'a.mp4', 10.0), lambda: count_frames(folder / 'a.mp4')):
        with pytest.raises(ValueError, match=r'\\udcff/a\.mp4: its name is no UTF-8: rename it'):
            work()
