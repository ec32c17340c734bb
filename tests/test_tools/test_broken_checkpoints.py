"""Every tool that reads a checkpoint refuses every broken one in a line that names it, with an exit code."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.broken_checkpoints import MISFITS, UNREADABLE
from helpers.checkpoint_tools import ALL, CONVERTING, FUSING, TESTING, call_of
from helpers.tools_in_process import fail

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope='module')
def folder(tmp_path_factory) -> Path:
    """Holds a pair, as files and in two folders."""
    folder = tmp_path_factory.mktemp('tools')
    for name in ('vi', 'ir'):
        (folder / name).mkdir()
        for path in (folder / f'{name}.png', folder / name / 'a.png'):
            cv2.imwrite(str(path), np.full((48, 64, 3), 90, np.uint8))
    return folder


@pytest.fixture(scope='module')
def broken(tmp_path_factory) -> dict[str, Path]:
    """Each file once, under the name x.pth."""
    paths = {name: tmp_path_factory.mktemp('broken') / 'x.pth' for name in (*UNREADABLE, *MISFITS)}
    for name, write in (UNREADABLE | MISFITS).items():
        write(paths[name])
    return paths


def refuse(tool: str, path: Path, folder: Path) -> None:
    script, arguments = call_of(tool, path, ROOT)
    text = fail(script, *arguments, cwd=folder)
    assert 'x.pth' in text, text
    assert not list(folder.glob('out*'))


@pytest.mark.parametrize('tool', ALL)
def test_unreadable(tool, folder, broken):
    for toolbox in ('mmdet', 'mmseg'):
        if toolbox in tool:
            pytest.importorskip(toolbox)
    for name in UNREADABLE:
        if name == 'meta' and tool in FUSING | CONVERTING:  # of no use to them
            continue
        refuse(tool, broken[name], folder)


@pytest.mark.parametrize('tool', FUSING | TESTING | CONVERTING)
def test_misfits(tool, folder, broken):
    for name in MISFITS:
        if tool == 'model_converters/publish_model.py' and name == 'another network':  # any network may be published
            continue
        refuse(tool, broken[name], folder)
