import ast
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.full_disk import run_on_full_disk

from mmdefusion.utils.files import write_bytes, write_image, write_text
from mmdefusion.utils.unfinished import NAME

ROOT = Path(__file__).resolve().parents[2]
# in the places of cv2.imwrite, Path.write_text and their like
IN_PLACE = {'imwrite', 'write_text', 'write_bytes', 'to_csv', 'tofile', 'savez'}


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_pictures_come_back(tmp_path, dtype):
    image = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, (7, 9, 3), dtype=dtype)
    path = write_image(tmp_path / 'new/folder/a.png', image)
    np.testing.assert_array_equal(cv2.imread(str(path), cv2.IMREAD_UNCHANGED), image)
    assert os.listdir(path.parent) == ['a.png']


@pytest.mark.parametrize('name, image', [('a.xyz', np.zeros((2, 2), np.uint8)), ('a.png', np.zeros((2, 2, 7)))])
def test_what_is_no_picture_is_refused(tmp_path, name, image):
    with pytest.raises(OSError, match=rf'cannot write .*{name}'):
        write_image(tmp_path / name, image)
    assert not os.listdir(tmp_path)


def test_text_takes_the_place_of_what_was_there(tmp_path):
    write_text(tmp_path / 'a.json', 'first')
    assert write_text(tmp_path / 'a.json', 'zweites, größer').read_text() == 'zweites, größer'


@pytest.mark.parametrize(
    'write',
    [
        'write_image(path, np.random.default_rng(0).integers(0, 256, (99, 99, 3), dtype=np.uint8))',
        'write_bytes(path, bytes(9999))',
        "write_text(path, 'x' * 9999)",
        'write_figure(path, plt.subplots()[0], dpi=300)',
    ],
)
def test_full_disk_leaves_what_was_there(tmp_path, write):
    (tmp_path / 'a.png').write_text('before')
    result = run_on_full_disk(
        4096,
        f"""
        from pathlib import Path
        import numpy as np
        from mmdefusion.utils.files import *
        from mmdefusion.visualization.plots import plt, write_figure
        path = Path({str(tmp_path / 'a.png')!r})
        {write}
        """,
    )
    assert result.returncode == 1
    assert 'OSError: ' in result.stderr and 'Nothing was written' in result.stderr and 'a.png' in result.stderr
    assert (tmp_path / 'a.png').read_text() == 'before'
    assert os.listdir(tmp_path) == ['a.png']


def test_bytes_are_on_the_disk_before_they_get_their_name(tmp_path, monkeypatch):
    """Else power loss can leave a name with nothing behind it."""
    order = []
    sync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, 'fsync', lambda fd: (order.append(os.readlink(f'/proc/self/fd/{fd}')), sync(fd))[1])
    monkeypatch.setattr(os, 'rename', lambda *names: pytest.fail('not atomic on every system'))
    monkeypatch.setattr(os, 'replace', lambda a, b: (order.append(f'{a} -> {b}'), replace(a, b))[1])
    path = write_bytes(tmp_path / 'a.bin', b'content')
    unfinished = order[0]
    assert NAME.fullmatch(Path(unfinished).name) and Path(unfinished).parent == tmp_path
    assert order == [unfinished, f'{unfinished} -> {path}', str(tmp_path)]


def test_of_many_files_the_disk_is_not_waited_for(tmp_path, monkeypatch):
    (tmp_path / 'a.txt').write_text('before')
    monkeypatch.setattr(os, 'fsync', lambda _: pytest.fail('waited for the disk'))
    assert write_text(tmp_path / 'a.txt', 'after', wait=False).read_text() == 'after'
    assert os.listdir(tmp_path) == ['a.txt']


def written_in_place(source: str) -> list[str]:
    """Calls that write a file under its final name: a kill or a full disk would leave half of it there."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    calls = [call for call in calls if isinstance(call.func, ast.Attribute)]
    found = [call for call in calls if call.func.attr in IN_PLACE]
    # into memory, or beside the name
    found += [call for call in calls if call.func.attr == 'savefig' and ast.unparse(call.args[0]) != 'content']
    saving = [call for call in calls if ast.unparse(call.func) in ('torch.save', 'np.save')]
    found += [call for call in saving if ast.unparse(call.args[1]) != 'unfinished']
    return [ast.unparse(call) for call in found if not ast.unparse(call.func).startswith("Path('/proc/")]


def test_nothing_else_writes_in_place():
    files = [path for folder in ('mmdefusion', 'tools') for path in (ROOT / folder).rglob('*.py')]
    found = {path.name: written_in_place(path.read_text(encoding='utf-8')) for path in files}
    assert {name: calls for name, calls in found.items() if calls} == {}


@pytest.mark.parametrize(
    'source', ['figure.savefig(out, dpi=9)', 'cv2.imwrite(a, b)', 'path.write_text(a)', 'torch.save(a, path)']
)
def test_finds(source):
    assert written_in_place(source)
