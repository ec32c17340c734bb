"""The tutorials' code, from top to bottom, in a folder that has the checkout's tools and configs."""

import os
import shlex

import pytest
from helpers.pages import ROOT, Block, blocks
from helpers.tools_in_process import chdir, run

pytest.importorskip('mmdet')
pytest.importorskip('mmseg')

TUTORIALS = sorted((ROOT / 'docs/tutorials').glob('*.md'))


def commands(block: Block) -> list[list[str]]:
    """The words of each command of a shell block."""
    lines = block.code.replace('\\\n', ' ').splitlines()
    return [shlex.split(line, comments=True) for line in lines if shlex.split(line, comments=True)]


@pytest.mark.soak
@pytest.mark.parametrize('page', TUTORIALS, ids=lambda path: path.stem)
def test_a_tutorial_runs(page, tmp_path, monkeypatch):
    for name in ('tools', 'configs', 'mmdefusion'):
        (tmp_path / name).symlink_to(ROOT / name)
    ran = 0
    for block in blocks(page):
        if block.reason or block.language not in ('python', 'bash'):
            continue
        if block.language == 'python':
            with chdir(tmp_path):
                exec(compile(block.code, block.name, 'exec'), {'__name__': 'tutorial'})
            ran += 1
        for python, script, *arguments in commands(block) if block.language == 'bash' else ():
            assert python == 'python', f'{block.name} starts {python}'
            monkeypatch.syspath_prepend(os.fspath((ROOT / script).parent))
            run(ROOT / script, *arguments, cwd=tmp_path)
            ran += 1
    assert ran or page.stem == 'my_data'
