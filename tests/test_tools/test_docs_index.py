"""The list of the documentation's versions."""

import re
from pathlib import Path

from helpers.tools_in_process import fail, run

TOOL = Path(__file__).resolve().parents[2] / 'tools/dev/docs_index.py'


def test_newest_version_first(tmp_path):
    for name in ('0.2.0', '0.10.0', '0.10.0rc1', '_static'):
        (tmp_path / name).mkdir()
        (tmp_path / name / 'index.html').touch()
    run(TOOL, tmp_path, cwd=tmp_path)
    links = re.findall('href="(.*?)"', (tmp_path / 'index.html').read_text())
    assert links == ['0.10.0/index.html', '0.10.0rc1/index.html', '0.2.0/index.html']
    assert all((tmp_path / link).is_file() for link in links)


def test_nothing_to_list(tmp_path):
    assert 'run `make docs`' in fail(TOOL, tmp_path, cwd=tmp_path)
