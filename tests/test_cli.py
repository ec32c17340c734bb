"""The command ``mmdefusion``."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from mmdefusion.cli import COMMANDS, options, run
from mmdefusion.utils.compat import missing_extra

TOOLS = Path(__file__).resolve().parents[1] / 'tools'


def mmdefusion(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, '-m', 'mmdefusion', *arguments], capture_output=True, text=True)


def test_help_names_every_command():
    done = mmdefusion('--help')
    assert done.returncode == 0 and all(f'\n  {name} ' in done.stdout for name in COMMANDS)


@pytest.mark.parametrize(('arguments', 'status'), [((), 2), (('fuze',), 2), (('fuse',), 2), (('--version',), 0)])
def test_exit_statuses(arguments, status):
    done = mmdefusion(*arguments)
    assert done.returncode == status and 'Traceback' not in done.stderr
    if arguments == ('fuze',):
        assert "no command 'fuze': use one of fuse, infer" in done.stderr


def test_errors_of_a_tool_are_one_line(tmp_path):
    done = mmdefusion('fuse', 'absent.png', 'absent.png', '--weights', 'absent.onnx')
    assert done.returncode == 1 and done.stderr.strip().splitlines() == [
        'absent.onnx is not there: export a network with tools/deployment/export.py.'
    ]


HELP = """
import sys
from mmdefusion.cli import COMMANDS, run
for name in COMMANDS:
    try:
        run(name, ['--help'])
    except SystemExit as stop:
        assert not stop.code
print('torch' in sys.modules, 'mmengine' in sys.modules)
"""


def test_help_of_commands_imports_no_torch():
    done = subprocess.run([sys.executable, '-c', HELP], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == 'False False'
    assert all(f'usage: mmdefusion {name}' in done.stdout for name in COMMANDS)
    assert 'python tools/' not in done.stdout  # a wheel's users have no such folder
    assert 'the exit status is 1 if there is a fault' in done.stdout  # of ``check``: help is what a tool says of itself


def test_help_of_tools_is_their_docstring_as_it_stands():
    for tool in TOOLS.rglob('*.py'):
        source = tool.read_text(encoding='utf-8')
        told = ast.get_docstring(ast.parse(source), clean=False)
        assert told in source.replace('\\\\', '\\'), tool  # one backslash at an end of a line joins it with the next
        for described in re.findall(r'ArgumentParser\((.*)\)', source):
            assert described.startswith('description=__doc__, formatter_class=argparse.Raw'), tool


LIST = """
import sys
from mmdefusion.cli import run
try:
    run('benchmark', ['--list'])
except SystemExit as stop:
    assert not stop.code
print('torch' in sys.modules, 'mmengine' in sys.modules)
"""


def test_models_are_listed_without_torch():
    done = subprocess.run([sys.executable, '-c', LIST], capture_output=True, text=True)
    assert done.returncode == 0 and '  resnet18-visible_atss' in done.stdout.splitlines(), done.stderr
    assert done.stdout.splitlines()[-1] == 'False False'


def test_a_package_that_is_missing_is_told_with_what_installs_it(monkeypatch):
    def without(error):
        def main():
            raise error

        monkeypatch.setattr('mmdefusion.cli.open_tool', lambda place: SimpleNamespace(main=main, __doc__=None))
        with pytest.raises(SystemExit) as ended:
            run('infer', [])
        return ended.value.code

    assert 'mmdefusion infer needs torch, which' in without(
        ModuleNotFoundError("No module named 'torch'", name='torch')
    )
    line = f'{missing_extra("deploy", "onnxruntime")}.'
    assert without(ModuleNotFoundError(line, name='onnxruntime')) == line


def test_completion():
    assert mmdefusion('--complete').stdout.split() == list(COMMANDS)
    assert {'--help', '--weights', '--out-dir'} <= set(options('fuse'))
    assert {'--help', '--host', '--names', '--max-stored'} <= set(options('web')) and len(options('web')) == 12
    assert options('absent') == ['--help']
    code = f"""mmdefusion() {{ {sys.executable} -m mmdefusion "$@"; }}
eval "$(mmdefusion --completion)"
COMP_WORDS=(mmdefusion ex); COMP_CWORD=1; _mmdefusion; echo "${{COMPREPLY[@]}}"
COMP_WORDS=(mmdefusion export --ve); COMP_CWORD=2; _mmdefusion; echo "${{COMPREPLY[@]}}"
"""
    printed = subprocess.run(['bash', '-c', code], capture_output=True, text=True).stdout
    assert printed.split() == ['export', '--verify']


@pytest.mark.parametrize('arguments', ['fuse --help', 'eval --help', 'benchmark --list', '--help', '--complete web'])
def test_a_reader_that_goes_away_is_no_traceback(arguments):
    code = f'{sys.executable} -m mmdefusion {arguments} | true; exit ${{PIPESTATUS[0]}}'
    buffered = {name: value for name, value in os.environ.items() if name != 'PYTHONUNBUFFERED'}
    done = subprocess.run(['bash', '-c', code], capture_output=True, text=True, env=buffered)
    assert done.returncode == 1 and not done.stderr
