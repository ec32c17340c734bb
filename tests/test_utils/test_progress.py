"""Progress bars are drawn on terminals and nowhere else."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2]
CODE = """
from mmdefusion.utils.progress import counter, track
assert list(track(iter(range(500)), 'fusing', total=500)) == list(range(500))
assert list(track([1, 2], 'hidden', show=False)) == [1, 2]
with counter('scenes', 3) as advance:
    advance()
"""


def test_a_log_stays_empty():
    result = subprocess.run([sys.executable, '-c', CODE], capture_output=True, text=True, check=True)
    assert result.stdout == result.stderr == ''


def test_a_terminal_shows_bars():
    shown, terminal = pty.openpty()
    subprocess.run([sys.executable, '-c', CODE], stderr=terminal, check=True, env=os.environ | {'TERM': 'xterm'})
    os.close(terminal)
    text = ''
    while True:
        try:
            if not (piece := os.read(shown, 2**16)):
                break
        except OSError:  # Linux says so that the other end is closed
            break
        text += piece.decode(errors='replace')
    os.close(shown)
    assert 'fusing' in text and '500/500' in text and 'scenes' in text and 'hidden' not in text


@pytest.mark.parametrize('folder', ['mmdefusion', 'tools'])
def test_one_helper_draws_all_bars(folder):
    """No module has bars of its own."""
    for path in (PACKAGE / folder).rglob('*.py'):
        if path.name not in ('progress.py', 'hub.py'):  # the hub's: it counts and stops what huggingface_hub fetches
            text = path.read_text()
            assert 'tqdm' not in text and 'rich.progress' not in text, path
