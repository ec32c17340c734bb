"""Options and endings of commands."""

import argparse
import ast
import runpy
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parents[2] / 'tools'
SCRIPTS = [path for path in sorted(TOOLS.rglob('*.py')) if 'def main(' in path.read_text(encoding='utf-8')]


@pytest.mark.parametrize('script', SCRIPTS, ids=lambda path: path.stem)
def test_every_tool_can_be_interrupted(script):
    tree = ast.parse(script.read_text(encoding='utf-8'))
    (main,) = (node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == 'main')
    assert ast.unparse(main.decorator_list[0]).startswith('interrupted_in_a_line(')


@pytest.mark.parametrize(
    ('script', 'line'),
    [
        ('fuse.py', 'Interrupted.'),
        ('infer.py', 'Interrupted.'),
        ('benchmark.py', 'Interrupted: the same command goes on from here.'),
        ('dataset_converters/check_dataset.py', 'Interrupted.'),
    ],
)
def test_control_c_is_a_line_and_a_status(script, line, monkeypatch, capsys):
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(argparse.ArgumentParser, 'parse_args', interrupted)
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(TOOLS / script), run_name='__main__')
    assert ended.value.code == 130 and capsys.readouterr().err == f'\n{line}\n'
