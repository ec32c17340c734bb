"""The documentation's site builds without a warning, and has what it promises."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
pytest.importorskip('myst_parser', reason="pip install '.[docs]'")
pytest.importorskip('furo', reason="pip install '.[docs]'")
pytest.importorskip('mmdet')
pytest.importorskip('mmseg')


@pytest.mark.soak
def test_the_site_builds_without_warnings(tmp_path):
    command = [sys.executable, '-W', 'ignore', '-m', 'sphinx', '-W', '--keep-going', '-q', 'docs', str(tmp_path)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=os.environ | {'OMP_NUM_THREADS': '1'})
    assert not built.returncode, built.stderr[-4000:]
    commands = (tmp_path / 'generated/commands.html').read_text()
    assert 'tools/fuse.py' in commands and '--whole-below' in commands
    reference = (tmp_path / 'generated/api/mmdefusion.models.fusers.html').read_text()
    assert 'id="mmdefusion.models.fusers.picture_fuser.PictureFuser"' in reference
    apis = (tmp_path / 'generated/api/mmdefusion.apis.html').read_text()
    link = 'href="mmdefusion.models.fusers.html#mmdefusion.models.fusers.picture_fuser.PictureFuser"'
    assert link in apis, ':class:`PictureFuser` leads to its page'
    # the pages load nothing from elsewhere
    index = (tmp_path / 'index.html').read_text()
    assert 'src="http' not in index and 'rel="stylesheet" type="text/css" href="http' not in index
