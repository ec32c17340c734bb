"""Tools run in the process of the tests: most of a short run is spent on importing the toolboxes."""

import contextlib
import io
import os
import re
import runpy
import sys
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from unittest.mock import patch

import pytest
from mmengine.utils import ManagerMixin


@contextlib.contextmanager
def chdir(folder: Path) -> Iterator[None]:
    """contextlib's, which Python 3.10 lacks."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def forget_instances(manager: type = ManagerMixin) -> None:
    """Loggers and visualizers are kept by name, and with them the folder of the run before."""
    getattr(manager, '_instance_dict', {}).clear()
    for kind in manager.__subclasses__():
        forget_instances(kind)


def stock(toolbox: str, name: str) -> Path:
    """A tool that ships inside a toolbox's wheel."""
    pytest.importorskip(toolbox)
    return Path(find_spec(toolbox).origin).parent / '.mim/tools' / name


def printed_score(printed: str, name: str) -> float:
    """The last value of a score that a test printed, such as ``coco/bbox_mAP_50: 0.8320``; NaN where there is none."""
    found = re.findall(rf'{name}: (-?[\d.]+|nan)', printed)
    return float(found[-1]) if found else float('nan')


@contextlib.contextmanager
def _as_command(script: Path, arguments: tuple[object, ...], cwd: Path) -> Iterator[io.StringIO]:
    """The process as a command would find it; gives what is printed."""
    forget_instances()
    printed = io.StringIO()
    streams = contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed)
    own = patch.object(sys, 'argv', [str(script), *map(str, arguments)])
    kept = patch.object(warnings, 'formatwarning', warnings.formatwarning)  # tools may set it
    with own, kept, chdir(cwd), streams[0], streams[1]:
        yield printed


def fail(script: Path, *arguments: object, cwd: Path) -> str:
    """What a tool that must end with an error says last: a line for its user, and no traceback."""
    with _as_command(script, arguments, cwd) as printed:
        try:
            runpy.run_path(str(script), run_name='__main__')
        except SystemExit as stop:
            assert stop.code, f'{script.name} ended as if all were well'
            text = stop.code if isinstance(stop.code, str) else printed.getvalue().strip().splitlines()[-1]
            assert '\n' not in text and 'Traceback' not in printed.getvalue(), text
            return text
    raise AssertionError(f'{script.name} ended as if all were well')


def run(script: Path, *arguments: object, cwd: Path) -> str:
    """What a tool that must succeed prints."""
    with _as_command(script, arguments, cwd) as printed:
        try:
            runpy.run_path(str(script), run_name='__main__')
        except SystemExit as stop:
            assert not stop.code, f'{stop.code}\n{printed.getvalue()[-4000:]}'
    return printed.getvalue()
