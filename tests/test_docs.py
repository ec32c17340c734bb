"""What the documentation says is there: links, anchors, commands, code, and the same in Chinese."""

import contextlib
import io
import re
import shlex
import sys
from argparse import ArgumentParser
from collections import Counter
from pathlib import Path
from unittest.mock import patch

import cv2
import pytest
from helpers.pages import NOT_RUN, ROOT, Block, blocks, slugs

sys.path.insert(0, str(ROOT / 'tools/dev'))
from docs_pages import fit_links, outside_pages, read_parser, rooms, tools
from mmengine.config import Config

from mmdefusion.cli import COMMANDS
from mmdefusion.experiments.benchmark.models import models_by_task
from mmdefusion.scenes import SceneGenerator
from mmdefusion.web import __main__ as web

LEFT_OUT = {'.venv', 'work_dirs', 'data', 'generated', '.pytest_cache'}
PAGES = [path for path in ROOT.rglob('*.md') if not LEFT_OUT & set(path.relative_to(ROOT).parts)]
BLOCKS = [block for page in PAGES for block in blocks(page)]
TOOL = re.compile(r'^(?:[A-Z_]+=\S+ )*python tools/([\w/]+\.py)\s*(.*)$')
COMMAND = re.compile(r'^(?:[A-Z_]+=\S+ )*(?:docker run .* )?mmdefusion(?: |-(?=web\b))(\w+)\s*(.*)$')
STOCK = 'mmdet::retinanet/retinanet_r50_fpn_1x_coco.py'


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize('page', PAGES, ids=name)
def test_links_and_pictures(page):
    absent = []
    for target, anchor in re.findall(r'\]\(([^)#\s]*)(#[^)\s]*)?\)', page.read_text()):
        file = page.parent / target if target else page
        if '://' in target:
            continue
        if not file.exists() or (anchor and file.suffix == '.md' and anchor[1:] not in slugs(file)):
            absent.append(target + anchor)
    assert not absent


@pytest.fixture(scope='module')
def parsers() -> dict:
    """The parser of every tool, by its path below tools/, and of the app."""
    found = {script.relative_to(ROOT / 'tools').as_posix(): read_parser(script) for script in tools()}
    with patch.object(ArgumentParser, 'parse_args', lambda parser: parser):
        return found | {COMMANDS['web'][0]: web.parse_args()}


def called(line: str) -> tuple[str, str] | None:
    """The tool that a line of a shell block calls, and its arguments; None if it calls none."""
    if found := TOOL.match(line):
        return found[1], found[2]
    if found := COMMAND.match(line):
        return COMMANDS.get(found[1], (found[1],))[0], found[2]
    return None


def commands(block: Block) -> list[str]:
    """The lines of a shell block, with those that a backslash continues; without comments."""
    lines = block.code.replace('\\\n', ' ').splitlines()
    return [re.sub(r'\s+#.*$', '', line).strip() for line in lines if not line.strip().startswith('#')]


CALLS = [(b, line) for b in BLOCKS if b.language == 'bash' for line in commands(b) if called(line)]


@pytest.mark.parametrize(('block', 'line'), CALLS, ids=lambda one: getattr(one, 'name', ''))
def test_every_command_has_a_tool_that_takes_its_options(block, line, parsers):
    tool, arguments = called(line)
    assert tool in parsers, f'{block.name}: {line}'
    known = {option for action in parsers[tool]._actions for option in action.option_strings}
    given = {word.split('=')[0] for word in shlex.split(arguments) if re.match(r'--\w', word)}
    assert given <= known, f'{block.name}: {line}: {tool} has no {sorted(given - known)}'


def test_every_way_to_call_a_tool_is_known():
    assert called('X=1 python tools/fuse.py A B') == ('fuse.py', 'A B')
    assert called('docker run --rm -v "$PWD:/data" mmdefusion fuse a.jpg --out-dir b') == (
        'fuse.py',
        'a.jpg --out-dir b',
    )
    assert called('mmdefusion-web --port 1') == ('mmdefusion.web.__main__', '--port 1')
    assert called('pip install mmdefusion') is None


def test_every_block_says_what_it_is():
    assert not [block.name for block in BLOCKS if block.language not in {'python', 'bash', 'text', '{toctree}', ''}]


@pytest.fixture
def beside(tmp_path, monkeypatch) -> Path:
    """A folder with what the pages' examples name."""
    scene = SceneGenerator((96, 80))(0)
    cv2.imwrite(str(tmp_path / 'visible.jpg'), scene.visible)
    cv2.imwrite(str(tmp_path / 'infrared.png'), scene.infrared)
    monkeypatch.chdir(tmp_path)
    return tmp_path


# the tutorials' is run by tests/test_tutorials.py, and the Chinese README's is the English one's
RUN = [
    b for b in BLOCKS if b.language == 'python' and not b.reason and not {'tutorials', 'README.zh.md'} & {*b.page.parts}
]


@pytest.mark.parametrize('block', RUN, ids=lambda block: block.name)
def test_python_of_the_pages_runs(block, beside):
    if '_base_' in block.code and 'Path(' not in block.code:  # a config, or a part of one
        pytest.importorskip('mmdet')
        base = '' if block.code.startswith('_base_') else f'_base_ = {STOCK!r}\n'
        path = beside / 'config.py'
        path.write_text(base + block.code)
        assert Config.fromfile(path).model.backbone.type == 'mmdefusion.DeFusionPP'
    else:
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(block.code, block.name, 'exec'), {'__name__': 'page'})


def test_what_is_not_run_has_a_reason():
    run_elsewhere = 'tutorials'  # by tests/test_tutorials.py
    bare = [b.name for b in BLOCKS if b.language == 'bash' and not b.reason and run_elsewhere not in b.page.parts]
    assert not bare, f'{bare}: run it, or write {NOT_RUN.pattern} above it'
    assert all(len(block.reason) > 15 for block in BLOCKS if block.reason is not None)


@pytest.mark.parametrize('page', [ROOT / 'docs/demo.md', *outside_pages()], ids=name)
def test_pages_of_the_site_lead_to_pages_of_the_site(page):
    place = outside_pages().get(page, page)
    fitted = fit_links(page.read_text(), page, place)
    for target in re.findall(r'\]\(([^)#\s]+)', fitted):
        file = (place.parent / target).resolve()
        assert '://' in target or file in outside_pages().values() or file.exists(), target


def test_every_module_is_in_the_reference():
    listed = {module for modules in rooms().values() for module in modules}
    assert {'mmdefusion.apis.fusion_inferencer', 'mmdefusion.models.fusers.picture_fuser'} <= listed
    assert len(listed) > 150


def test_models_to_choose_are_models():
    pytest.importorskip('mmdet')
    models = {name for names in models_by_task().values() for name in names}
    text = (ROOT / 'docs/choose.md').read_text()
    named = {name.partition('@')[0] for name in re.findall(r'[\w-]+_(?:atss|fcn)(?:_kept-tokens)?\b', text)}
    assert len(named) >= 8 and named <= models


def outline(page: Path) -> list[str]:
    return [line.split(' ')[0] for line in page.read_text().splitlines() if re.match(r'#+ ', line)]


def numbers(page: Path) -> Counter:
    """The numbers of a page outside its code, those of names such as FMB and 1024² too."""
    text = re.sub(r'```.*?```', '', page.read_text(), flags=re.DOTALL)
    return Counter(re.findall(r'\d+(?:\.\d+)*(?:e-?\d+)?', text))


def code(page: Path) -> list[str]:
    """The code of a page without its comments, and what stands in backticks."""
    text = page.read_text()
    bare = [re.sub(r'\s*# .*', '', block.code) for block in blocks(page)]
    return bare + sorted(re.findall(r'(?<!`)`([^`\n]+)`(?!`)', text))


def test_the_chinese_readme_is_the_english_one():
    english, chinese = ROOT / 'README.md', ROOT / 'README.zh.md'
    assert outline(english) == outline(chinese)
    assert code(english) == code(chinese)
    assert numbers(english) == numbers(chinese)
    links = [
        sorted(re.findall(r'\]\(([^)\s]+)', page.read_text().replace('README.zh.md', 'README.md')))
        for page in (english, chinese)
    ]
    assert links[0] == links[1]
    assert len(re.findall(r'[\u4e00-\u9fff]', chinese.read_text())) > 500
