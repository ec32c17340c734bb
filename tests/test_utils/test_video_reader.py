"""What a file says of a video is bounded before a frame of it is decoded; frames by time: test_fusion_inferencer.py."""

import math
import os
import re
import struct
import warnings
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from mmdefusion.utils import video_reader
from mmdefusion.utils.video_reader import VideoFrames

SIDE = 64


def write_video(path: Path, rate: float = 25, code: str = 'MJPG', side: int = SIDE, frames: int = 3) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*code), rate, (side, side))
    for level in np.linspace(40, 120, frames):
        writer.write(np.full((side, side, 3), level, np.uint8))
    writer.release()
    return path


@pytest.mark.parametrize(('suffix', 'code'), [('avi', 'MJPG'), ('mp4', 'mp4v'), ('mkv', 'mp4v'), ('mov', 'mp4v')])
@pytest.mark.parametrize('rate', [1, 25, 240])
def test_videos_of_every_container_are_read(suffix, code, rate, tmp_path):
    frames = VideoFrames([write_video(tmp_path / f'a.{suffix}', rate, code)] * 2)
    assert frames.rate == pytest.approx(rate)
    levels = [image.mean() for pair in frames for image in pair]
    np.testing.assert_allclose(levels, np.repeat([40, 80, 120], 2), atol=4)


def test_frames_of_many_pixels_are_refused_before_they_are_decoded(tmp_path, monkeypatch):
    path = write_video(tmp_path / 'a.avi')
    monkeypatch.setenv('MMDEFUSION_MAX_PIXELS', str(SIDE**2 - 1))
    with pytest.raises(ValueError, match=r'a\.avi has frames of 64x64, more than max_pixels=4095; .* MMDEFUSION_MAX_'):
        VideoFrames([path, path])
    monkeypatch.setenv('MMDEFUSION_MAX_PIXELS', str(SIDE**2))
    assert len(VideoFrames([path, path])) == 3


@pytest.mark.parametrize(('depth', 'refused'), [(cv2.CV_16U, True), (cv2.CV_8U, False)])
def test_counts_of_a_thermal_camera_are_refused_before_they_become_a_few_levels(depth, refused, tmp_path):
    path = tmp_path / 'a.mkv'
    options = [cv2.VIDEOWRITER_PROP_DEPTH, depth, cv2.VIDEOWRITER_PROP_IS_COLOR, 0]
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*'FFV1'), 10, (SIDE, SIDE), options)
    if not writer.isOpened():
        pytest.skip('this OpenCV writes no FFV1')
    counts = np.linspace(7000, 9000, SIDE**2).reshape(SIDE, SIDE).astype(np.uint16)
    for _ in range(3):
        writer.write(counts if refused else (counts // 256).astype(np.uint8))
    writer.release()
    if not refused:
        assert len(VideoFrames([path, path])) == 3
        return
    with pytest.raises(ValueError, match=r'a\.mkv has 16 bits of grey, .* export its frames as TIFF or PNG files'):
        VideoFrames([write_video(tmp_path / 'a.avi'), path])


@pytest.mark.parametrize(
    ('code', 'bits'),
    [
        (0x10003159, 16),
        (0x31590010, 0),
        (0x59310010, 16),  # the bytes of each value the other way round
        (0x0E003159, 14),
        (0x0A003159, 10),
        (0x30303859, 0),  # Y800
        (0x30323449, 0),  # I420
        (-1, 0),
        (0, 0),
        (2.0**40, 0),
    ],
)
def test_bits_of_grey_by_the_tag_of_ffmpeg(code, bits):
    assert video_reader._grey_bits(SimpleNamespace(get=lambda _: float(code))) == bits


@pytest.mark.parametrize('content', ['png', 'jpg', 'bmp', 'tiff', 'webp', 'gif', 'ppm'])
def test_an_image_is_no_video_whatever_its_name(content, tmp_path):
    encoded = cv2.imencode(f'.{content}', np.zeros((48, 64, 3), np.uint8))[1]
    for number in (1, 2, 3):  # OpenCV would take them for a series
        (tmp_path / f'clip{number}.mp4').write_bytes(bytes(encoded))
    with pytest.raises(ValueError, match=r'clip1\.mp4 is (an image, no video|no video that OpenCV)'):
        VideoFrames([tmp_path / 'clip1.mp4'] * 2)


def test_a_list_of_other_files_is_not_followed(tmp_path):
    write_video(tmp_path / 'secret.mp4', code='mp4v')
    (tmp_path / 'a.mp4').write_text('ffconcat version 1.0\nfile secret.mp4\n#\0')
    assert cv2.VideoCapture(str(tmp_path / 'a.mp4')).isOpened()
    with pytest.raises(ValueError, match=r"a\.mp4 is no video that OpenCV can open \(b'ffconcat"):
        VideoFrames([tmp_path / 'a.mp4'] * 2)


@pytest.mark.parametrize('kind', ['named pipe', 'device', 'folder'])
def test_only_regular_files_are_opened(kind, tmp_path):
    path = tmp_path / 'a.mp4'
    if kind == 'named pipe':
        os.mkfifo(path)
    elif kind == 'device':
        path.symlink_to('/dev/zero')
    else:
        path.mkdir()
    with pytest.raises(ValueError, match=f'a.mp4 is a {kind}, not a regular file'):
        VideoFrames([path, path])


def test_an_absent_video_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='absent.mp4'):
        VideoFrames([tmp_path / 'absent.mp4'] * 2)


@pytest.mark.parametrize(('scale', 'rate'), [(10**6, 1), (1, 10**6)])
def test_rates_of_no_camera_are_refused(scale, rate, tmp_path):
    """An AVI's stream header has its rate as rate / scale."""
    path = write_video(tmp_path / 'a.avi')
    content = bytearray(path.read_bytes())
    place = content.index(b'strh') + 8 + 20
    content[place : place + 8] = struct.pack('<II', scale, rate)
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r'a\.avi has 1e[+-]06 frames a second, not 0\.01 to 1000; write it again'):
        VideoFrames([path, path])


def test_a_name_that_is_no_utf_8_is_refused(tmp_path):
    """OpenCV 5 would end the process."""
    path = write_video(tmp_path / 'a.avi').rename(tmp_path / os.fsdecode(b'a\xff.avi'))
    with pytest.raises(ValueError, match=r'a\\udcff\.avi: its name is no UTF-8: rename it'):
        VideoFrames([path, path])


def cut(path: Path, part: float) -> Path:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    return path


def count_and_listen(frames: VideoFrames) -> tuple[int, list[str]]:
    """The number of frames, and what is warned of while they are read."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter('always')
        count = sum(1 for _ in frames)
    return count, [str(one.message) for one in told]


@pytest.mark.parametrize('suffix', ['avi', 'mkv'])
def test_a_video_that_is_cut_short_is_told(suffix, tmp_path):
    whole = write_video(tmp_path / f'whole.{suffix}', frames=40)
    part = cut(write_video(tmp_path / f'part.{suffix}', frames=40), 0.6)
    for paths in ((part, whole), (whole, part)):
        count, (told,) = count_and_listen(VideoFrames(paths))
        assert 15 < count < 35 and told == f'{part} ends after {count} of 40 frames: it may be cut or damaged.'
    assert count_and_listen(VideoFrames([whole, whole])) == (40, [])
    with pytest.warns(UserWarning, match='the shortest ends the result'):  # before the damage
        frames = VideoFrames([part, write_video(tmp_path / f'short.{suffix}', frames=10)])
    assert count_and_listen(frames) == (10, [])


def test_a_damaged_video_is_told(tmp_path):
    content = bytearray(write_video(tmp_path / 'a.mp4', code='mp4v', frames=40).read_bytes())
    place, end = content.index(b'mdat'), content.index(b'moov')
    content[(place + end) // 2 : end - 8] = bytes(end - 8 - (place + end) // 2)
    (tmp_path / 'a.mp4').write_bytes(content)
    count, told = count_and_listen(VideoFrames([tmp_path / 'a.mp4'] * 2))
    assert count < 35 and 'of 40 frames: it may be cut or damaged' in told[0]


@pytest.mark.parametrize(('duration', 'cut_short'), [(0.05, False), (1.63, False), (1.68, False), (10.0, True)])
def test_a_container_that_counts_no_frames_is_told_by_its_time(duration, cut_short, tmp_path):
    """Matroska has a duration, which sound may make longer or which may be missing: the number is worked out of it."""
    path = write_video(tmp_path / 'a.mkv', frames=40)
    content = bytearray(path.read_bytes())
    place = content.index(b'\x44\x89\x88') + 3
    content[place : place + 8] = struct.pack('>d', duration * 1000)
    path.write_bytes(content)
    count, told = count_and_listen(VideoFrames([path, path]))
    assert count == 40 and bool(told) == cut_short


def test_a_video_of_another_rate_than_is_guessed_is_whole(tmp_path):
    """At a guessed rate of 100 the duration would be that of 160 frames; recordings of screens are such."""
    path = write_video(tmp_path / 'a.mkv', frames=40)
    content = path.read_bytes()
    place = content.index(b'\x23\xe3\x83') + 4  # nanoseconds of a frame, of which the rate is guessed
    path.write_bytes(content[:place] + struct.pack('>I', 10**9 // 100)[-4:] + content[place + 4 :])
    frames = VideoFrames([path, path])
    assert len(frames) == 160 and count_and_listen(frames) == (40, [])


def test_a_video_without_a_duration(tmp_path, recwarn):
    """As of a live recording: nothing is known of its length, so that no length is warned of."""
    path = write_video(tmp_path / 'a.mkv', frames=40)
    content = bytearray(path.read_bytes())
    place = content.index(b'\x44\x89\x88')
    content[place : place + 11] = b'\xec\x89' + bytes(9)  # nothing of that length
    (tmp_path / 'live.mkv').write_bytes(content)
    frames = VideoFrames([tmp_path / 'live.mkv', path])
    assert len(frames) == 40 and count_and_listen(frames) == (40, [])
    assert len(VideoFrames([tmp_path / 'live.mkv'] * 2)) == 0
    assert not recwarn.list


def test_an_address_is_no_file():
    with pytest.raises(ValueError, match='http://a.example/b.mp4 is an address, and videos are read from files'):
        VideoFrames(['http://a.example/b.mp4'] * 2)


def retime(path: Path, times: Sequence[float]) -> Path:
    """Gives the frames of a Matroska video other times, in seconds: those of its blocks, within its only cluster."""
    content = bytearray(path.read_bytes())
    place = content.index(b'\x1f\x43\xb6\x75')
    assert content.count(b'\x1f\x43\xb6\x75') == 1
    size = rb'(?:[\x80-\xff]|[\x40-\x7f].|[\x20-\x3f]..|[\x10-\x1f]...)'
    header = re.compile(rb'\xa3' + size + rb'\x81(..)[\x00\x80]', re.DOTALL)
    for time in times:
        place = header.search(content, place).start(1)
        content[place : place + 2] = struct.pack('>h', round(1000 * time))
        place += 3
    path.write_bytes(content)
    return path


def levels(path: Path, *others: Path) -> list[list[int]]:
    """Which frame of each video is in which of the result: :func:`write_video` makes each brighter than the last."""
    frames = [[image.mean() for image in images] for images in VideoFrames([path, *others])]
    return [[round((level - 40) / 80 * 15) for level in pair] for pair in frames]


def test_frames_are_paired_by_the_times_that_the_file_gives(tmp_path):
    """As of a camera that slows down by night, or the recording of a screen."""
    constant = write_video(tmp_path / 'a.mkv', 25, frames=16)
    times = [*(0.02 * place for place in range(8)), *(0.2 + 0.08 * place for place in range(8))]
    varying = retime(write_video(tmp_path / 'b.mkv', 25, frames=16), times)
    nearest = [min(range(16), key=lambda place: (round(abs(times[place] - 0.04 * k), 6), -place)) for k in range(16)]
    assert levels(constant, varying) == [[k, place] for k, place in enumerate(nearest)]
    pairs = [[place, int(time / 0.04 + 0.5 + 1e-9)] for place, time in enumerate(times)]
    assert levels(varying, constant) == [pair for pair in pairs if pair[1] < 16]
    assert levels(varying, varying) == [[k, k] for k in range(16)]


@pytest.mark.parametrize('third', [0.021, 0.02, 0.01, 0.0], ids='stamp={}'.format)
def test_one_time_that_does_not_rise_moves_its_own_frame_only(third, tmp_path):
    constant = write_video(tmp_path / 'a.mkv', 25, frames=16)
    times = [0, 0.02, third, *(0.36 + 0.04 * place for place in range(13))]
    varying = retime(write_video(tmp_path / 'b.mkv', 25, frames=16), times)
    assert levels(constant, varying)[6:] == [[k, max(3, k - 6)] for k in range(6, 16)]


def test_times_that_rise_slowly_after_one_that_does_not_are_reached_again(tmp_path):
    """As of a burst at 250 frames a second: the frame's time from the mean rate is that of ten frames there."""
    constant = write_video(tmp_path / 'a.mkv', 25, frames=16)
    times = [0, 0.01, 0.01, *(0.014 + 0.004 * place for place in range(5)), *(0.2 + 0.04 * k for k in range(8))]
    varying = retime(write_video(tmp_path / 'b.mkv', 25, frames=16), times)
    assert levels(constant, varying)[5:12] == [[k, k + 3] for k in range(5, 12)]


@pytest.mark.parametrize(
    'times',
    [
        16 * [0],
        [*(0.04 * k for k in range(8)), *(0.04 * k for k in range(8))],
        [*(6 * [0]), *(0.04 * k for k in range(1, 11))],
    ],
    ids=['never', 'two clocks', 'late'],
)
def test_times_that_do_not_rise_do_not_count(times, tmp_path):
    videos = [write_video(tmp_path / f'{name}.mkv', 25, frames=16) for name in 'ab']
    retime(videos[1], times)
    assert levels(*videos) == levels(*videos[::-1]) == [[k, k] for k in range(16)]


@pytest.mark.parametrize('rates', [(50, 25), (25, 50), (30, 25), (29.97, 30), (240, 25), (25, 600)])
@pytest.mark.parametrize('suffix', ['avi', 'mkv'])
def test_constant_rates_are_paired_by_the_number_of_the_frame(rates, suffix, tmp_path):
    """Matroska's times are rounded; in the middle of two frames the later one counts."""
    first, other = rates
    videos = [write_video(tmp_path / f'{rate}.{suffix}', rate, 'MJPG', frames=16) for rate in rates]
    wanted = [[k, math.floor(k * other / first + 0.5)] for k in range(16)]
    assert levels(*videos) == [pair for pair in wanted if pair[1] < 16]


class Counted:
    """A capture that counts the frames that are converted."""

    def __init__(self, capture: cv2.VideoCapture) -> None:
        self.capture, self.converted = capture, 0

    def __getattr__(self, name: str) -> object:
        self.converted += name in ('read', 'retrieve')
        return getattr(self.capture, name)


@pytest.mark.parametrize('constant', [True, False])
def test_frames_of_a_constant_rate_that_none_is_paired_with_are_not_converted(constant, tmp_path):
    videos = [write_video(tmp_path / f'{rate}.mkv', rate, frames=count) for rate, count in ((25, 3), (120, 15))]
    if not constant:
        retime(videos[1], [0, *(0.01 + place / 120 for place in range(1, 15))])
    frames = VideoFrames(videos)
    for video in frames.videos:
        video.capture = Counted(video.capture)
    assert sum(1 for _ in frames) == 3
    first, other = (video.capture.converted for video in frames.videos)
    assert first == 3 and (other <= 6 if constant else other == 15)
