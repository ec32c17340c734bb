"""Temporary names: nobody's file is overwritten, no link followed, and what a killed run leaves goes away."""

import os
import subprocess
import sys
import textwrap
import threading
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import torch

from mmdefusion.evaluation.score_log import ScoreLog
from mmdefusion.models.checkpoints.writing import write_checkpoint
from mmdefusion.utils import unfinished
from mmdefusion.utils.files import make_writable, write_bytes, write_image
from mmdefusion.utils.unfinished import DAY, HOST, IDLE, NAME, unfinished_of
from mmdefusion.utils.video_writer import VideoWriter

IMAGE = np.full((32, 32, 3), 77, np.uint8)


def write_video(path: Path) -> None:
    with VideoWriter(path, 5.0) as writer:
        writer.write(IMAGE)
        writer.finish()


def write_rows(path: Path) -> None:
    with closing(ScoreLog(['a'], ['m'], path)) as log:
        log.add('a', dict(m=1.0))
        log.finish()


def write_weights(path: Path) -> None:
    write_checkpoint(path, dict(weight=torch.ones(3)), {})


WRITERS = {
    'a.png': lambda path: write_image(path, IMAGE),
    'a.bin': lambda path: write_bytes(path, b'content'),
    'a.mp4': write_video,
    'a.csv': write_rows,
    'a.pth': write_weights,
    'a.safetensors': write_weights,
}


@pytest.mark.parametrize('name', WRITERS)
def test_what_has_the_old_temporary_name_stays(tmp_path, name):
    thesis = tmp_path / 'thesis.txt'
    thesis.write_text('thesis')
    folder = tmp_path / 'out'
    folder.mkdir()
    links = [f'.{name}', f'.write-test-{os.getpid()}', f'.{name}.unfinished']
    for link in links:
        (folder / link).symlink_to('../thesis.txt')
    make_writable(folder)
    mask = os.umask(0o022)
    try:
        WRITERS[name](folder / name)
    finally:
        os.umask(mask)
    assert thesis.read_text() == 'thesis'
    assert sorted(os.listdir(folder)) == sorted([*links, name]) and all((folder / link).is_symlink() for link in links)
    assert (folder / name).stat().st_mode & 0o777 == 0o644 and (folder / name).stat().st_size
    (folder / f'.{name}').unlink()
    (folder / f'.{name}').write_text("a user's own")
    WRITERS[name](folder / name)
    assert (folder / f'.{name}').read_text() == "a user's own"


@pytest.mark.parametrize('name', WRITERS)
def test_what_is_in_the_way_stays(tmp_path, name, monkeypatch):
    """Even if the name is foreseen: it is made, never opened."""
    monkeypatch.setattr(unfinished.secrets, 'token_hex', lambda count: 'f' * 2 * count)
    taken = unfinished.unfinished_name(tmp_path / name)
    taken.symlink_to('thesis.txt')
    if name == 'a.csv':
        taken.rename(unfinished.unfinished_name(tmp_path / f'{name}.unfinished'))
    with pytest.raises(OSError):
        WRITERS[name](tmp_path / name)
    assert not (tmp_path / 'thesis.txt').exists() and not (tmp_path / name).exists()


def test_two_runs_in_one_folder(tmp_path):
    contents, errors, torn = (b'A' * 300_000, b'B' * 200_000), [], []

    def write(content: bytes) -> None:
        for _ in range(40):
            try:
                write_bytes(tmp_path / 'a.png', content)
            except OSError as error:
                errors.append(error)

    write_bytes(tmp_path / 'a.png', contents[0])
    writers = [threading.Thread(target=write, args=(content,)) for content in contents]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        if (tmp_path / 'a.png').read_bytes() not in contents:
            torn.append(1)
    assert not errors and not torn and os.listdir(tmp_path) == ['a.png']


def test_names_as_long_as_the_system_allows(tmp_path):
    for name in ('a' * 251 + '.png', '.' + 'a' * 254):
        assert write_bytes(tmp_path / name, b'content').read_bytes() == b'content'


def killed_in(folder: Path) -> Path:
    """What a process leaves that is killed while it writes."""
    code = f"""
        import os, signal
        from mmdefusion.utils import files
        files.give_name = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        files.write_bytes({str(folder / 'a.png')!r}, b'half')
    """
    assert subprocess.run([sys.executable, '-c', textwrap.dedent(code)]).returncode < 0
    (left,) = folder.iterdir()
    assert NAME.fullmatch(left.name) and left.read_bytes() == b'half'
    return left


def test_what_a_killed_run_left_goes_with_the_next_one(tmp_path, monkeypatch):
    left = killed_in(tmp_path)
    dead = NAME.fullmatch(left.name)['process']
    own, elsewhere, old = (
        tmp_path / left.name.replace(dead, str(os.getpid())),
        tmp_path / left.name.replace(HOST, '0' * 8),
        tmp_path / left.name.replace(HOST, '1' * 8),
    )
    other = tmp_path / '.mmdefusion-notes'
    for path, idle in ((left, IDLE), (own, IDLE), (elsewhere, IDLE), (old, DAY), (other, DAY)):
        path.touch()
        os.utime(path, (time.time() - idle - 5,) * 2)
    just_now = tmp_path / left.name.replace('.png', '.jpg')
    just_now.touch()
    monkeypatch.setattr(unfinished, '_swept', set())
    write_bytes(tmp_path / 'b.png', b'content')
    assert set(tmp_path.iterdir()) == {own, elsewhere, other, just_now, tmp_path / 'b.png'}


def test_an_interrupt_leaves_nothing(tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr('mmdefusion.utils.files.give_name', interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_bytes(tmp_path / 'a.bin', b'content')
    assert not os.listdir(tmp_path)


def test_each_name_is_new(tmp_path):
    made = {unfinished_of(tmp_path / 'a.mp4') for _ in range(20)}
    assert len(made) == 20 and all(path.suffix == '.mp4' and path.name.startswith('.') for path in made)


def test_a_folder_that_a_killed_run_left_goes_too(tmp_path, monkeypatch):
    gone = tmp_path / f'.mmdefusion-{2**22 + 1}-{HOST}-{"0" * 16}'
    (gone / 'inner').mkdir(parents=True)
    monkeypatch.setattr(unfinished, '_swept', set())
    os.utime(gone, (time.time() - 2 * IDLE,) * 2)
    unfinished.sweep(tmp_path)
    assert not gone.exists()
