"""How to install what is missing."""

import re
import subprocess
from pathlib import Path

import pytest

from mmdefusion.utils.compat import EXTRAS, missing_extra

ROOT = Path(__file__).resolve().parents[2]
FOREIGN = re.compile(r'pip install [\'"]?mmdefusion(?!-)')  # of a registry; mmdefusion-….whl is a file


@pytest.mark.parametrize('extra', EXTRAS)
def test_what_messages_name_is_what_the_extra_needs(extra):
    lines = (ROOT / f'requirements/{extra}.txt').read_text(encoding='utf-8').splitlines()
    needed = [line.split('#')[0].strip() for line in lines if line.split('#')[0].strip()]
    assert [one for one in needed if not one.startswith('opencv')] == list(EXTRAS[extra])


def test_the_message_of_a_missing_package():
    assert missing_extra('web', 'gradio') == (
        "gradio is not installed: pip install 'gradio>=6,<7', or pip install '.[web]' in the checkout"
    )


def test_nobody_is_sent_to_a_registry_that_has_no_such_package():
    listed = subprocess.run(['git', 'ls-files'], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    kinds = '.py', '.md', '.txt', '.toml', '.ipynb', '.yml'
    texts = [ROOT / name for name in listed if name.endswith(kinds)] or [*(ROOT / 'mmdefusion').rglob('*.py')]
    own = {Path(__file__).resolve(), ROOT / 'tests/test_docs.py', ROOT / 'mmdefusion/utils/compat.py'}
    found = [path for path in texts if path.is_file() and path not in own and FOREIGN.search(path.read_text('utf-8'))]
    assert not found
