"""Options and endings of commands."""

import argparse
import ast
import runpy
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import cv2
import pytest
from helpers.patience import waited
from helpers.pretraining import write_fuser, write_images
from helpers.tools_in_process import fail

from mmdefusion.utils.options import side_or_size, size

TOOLS = Path(__file__).resolve().parents[2] / 'tools'
TRIAL = TOOLS.parent / 'mmdefusion/experiments/run_trial.py'
APP = TOOLS.parent / 'mmdefusion/web/__main__.py'
SCRIPTS = [path for path in sorted(TOOLS.rglob('*.py')) if 'def main(' in path.read_text(encoding='utf-8')]


@pytest.mark.parametrize('script', [*SCRIPTS, TRIAL], ids=lambda path: path.stem)
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


@pytest.mark.slow
def test_control_c_ends_a_tool_with_workers(tmp_path):
    """The signal is sent when the first result is there, and nearly all is left to do.

    What a shell starts in the background ignores it, and so do the tests there and what they start.
    """
    for seed, folder in enumerate(('vi', 'ir')):
        image = write_images(tmp_path / folder, 1, size=(96, 128), seed=seed) / '000.png'
        for number in range(1, 2000):
            (tmp_path / folder / f'{number:04}.png').hardlink_to(image)
    weights, out = write_fuser(tmp_path / 'fuser.pth'), tmp_path / 'out'
    command = [sys.executable, TOOLS / 'fuse.py', tmp_path / 'vi', tmp_path / 'ir', '--workers', '2']
    command += ['--weights', weights, '--out-dir', out, '--device', 'cpu']
    heard = dict(preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL))
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **heard) as process:
        try:
            assert waited(lambda: list(out.glob('0*.png')) or process.poll() is not None, 200)
            process.send_signal(signal.SIGINT)
            said, _ = process.communicate(timeout=200)
        finally:
            process.kill()
    assert process.returncode == 130 and said.endswith('\nInterrupted.\n') and 'Traceback' not in said, said
    done = list(out.iterdir())
    assert 0 < len(done) < 2000 and all(cv2.imread(str(path)) is not None for path in done)


def test_a_size_is_one_word_with_the_width_first():
    assert size('640x512') == (640, 512) and size('640x512').shape == (512, 640) and str(size('640x512')) == '640x512'
    assert side_or_size('224') == (224, 224) and side_or_size('640x512') == (640, 512)
    for wrong in ('640', '640X512', '-16x32', '0x0', '640x512x3', '640 512', '', '٣x٣'):
        with pytest.raises(argparse.ArgumentTypeError, match='no size: give width and height as one word, such as'):
            size(wrong)


@pytest.mark.parametrize('script', SCRIPTS, ids=lambda path: path.stem)
def test_sizes_have_one_form(script):
    """Two numbers were the width first here, and the height first there."""
    for call in ast.walk(ast.parse(script.read_text(encoding='utf-8'))):
        if getattr(getattr(call, 'func', None), 'attr', '') != 'add_argument':
            continue
        if ast.unparse(call.args[0]) in ("'--size'", "'--sizes'"):
            told = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
            assert told['type'] in ('size', 'side_or_size')


@pytest.mark.parametrize(
    'command',
    [
        ('dataset_converters/generate_scenes.py', 'out'),
        ('deployment/export.py', 'config.py', '--out', 'x.onnx'),
        ('deployment/benchmark.py', 'config.py', '--pairs', 'pairs'),
    ],
)
def test_two_numbers_are_told_the_form_of_a_size(command, tmp_path):
    text = fail(TOOLS / command[0], *command[1:], '--size', '128', '160', cwd=tmp_path)
    assert text.endswith('argument --size: 128 is no size: give width and height as one word, such as 640x512.')


@pytest.mark.parametrize('script', [*SCRIPTS, TRIAL, APP], ids=lambda path: path.stem)
def test_every_option_has_help_that_names_its_default(script):
    unsaid = []
    for call in ast.walk(ast.parse(script.read_text(encoding='utf-8'))):
        if getattr(getattr(call, 'func', None), 'attr', '') == 'add_argument':
            told = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
            default, text = told.get('default', 'None'), told.get('help', "''")
            silent = default in ('None', "''", '()', '[]', '{}', "('', '', '')") or 'set by the launcher' in text
            if text == "''" or (not silent and text.startswith(("'", '"', 'f')) and 'default' not in text):
                unsaid.append(ast.unparse(call))
    assert not unsaid
