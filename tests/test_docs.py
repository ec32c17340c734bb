"""What the documentation points to is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [path for path in ROOT.rglob('*.md') if not {'.venv', 'work_dirs', 'data'} & set(path.relative_to(ROOT).parts)]


@pytest.mark.parametrize('page', PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_and_pictures(page):
    targets = re.findall(r'\]\(([^)#\s]+)', page.read_text())
    absent = [target for target in targets if '://' not in target and not (page.parent / target).exists()]
    assert not absent
