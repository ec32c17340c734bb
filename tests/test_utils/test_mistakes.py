"""What is told in a line is what somebody refuses before a run; all else keeps its traceback."""

import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from mmdefusion.utils.mistakes import mistakes_in_a_line, read_config

BUGS = {
    'of another length': 'a, b = (1, 2, 3)',
    'of another shape': 'import numpy; numpy.ones(2) + numpy.ones(3)',
    'not in a list': '[1].index(3)',
    'no number': "int('x')",
    'raised again': 'try: [1].index(3)\n    except ValueError: raise',
    'in a with': "with open('/dev/null'): [1].index(3)",
}
REFUSALS = {
    'raised': "raise ValueError('no such thing.')",
    'raised in place': "try: [1].index(3)\n    except ValueError: raise ValueError('no such thing.') from None",
    'asserted': "assert False, 'no such thing.'",
    'in a with': "with open('/dev/null'): raise ValueError('no such thing.')",
}
RUNNER = """
from mmengine.runner import BaseLoop

class Loop(BaseLoop):
    def __init__(self, iter, work):
        self.iter, self.work = iter, work

    def run(self):
        self.work()

def call_hook(fn_name, hook):
    hook()
"""


def module(name: str, source: str) -> dict:
    """What a module of this name would hold."""
    names = {'__name__': name}
    exec(compile(source, f'{name}.py', 'exec'), names)
    return names


def function(body: str, name: str = 'mmdefusion.x') -> Callable[[], None]:
    return module(name, f'def run():\n    {body}\n')['run']


@pytest.fixture(scope='module')
def refuse() -> Callable[[], None]:
    return function(REFUSALS['raised'])


def line_of(call: Callable[[], None]) -> str:
    """What a command says last."""
    with pytest.raises(SystemExit) as stop, mistakes_in_a_line('config.py'):
        call()
    return stop.value.code


def keeps_its_traceback(call: Callable[[], None], kind: type[Exception] = ValueError) -> None:
    with pytest.raises(kind), mistakes_in_a_line('config.py'):
        call()


@pytest.mark.parametrize('room', ['mmdefusion', 'mmengine', 'mmdet', 'mmcv', 'torch'])
@pytest.mark.parametrize('bug', BUGS.values(), ids=BUGS)
def test_what_python_refuses_by_itself_is_a_bug(room, bug):
    """The command ended in 'too many values to unpack (expected 2)', and nothing else."""
    keeps_its_traceback(function(bug, f'{room}.x'))


@pytest.mark.parametrize('refusal', REFUSALS.values(), ids=REFUSALS)
def test_what_is_raised_on_purpose_is_told_in_a_line(refusal):
    assert line_of(function(refusal)) == 'no such thing.'
    told = line_of(function(refusal, 'mmdet.x'))
    assert told == 'config.py: no such thing: correct it there, or in --cfg-options.'
    keeps_its_traceback(function(refusal, 'somebody.x'), (ValueError, AssertionError))


def hooked(name: str, hook: Callable[[], None], steps: int | None) -> Callable[[], None]:
    """A call of a hook, in a loop that made some steps, or outside."""
    runner = module('mmengine.x', RUNNER)
    call = module('mmengine.y', 'def of(a, b, c):\n    return lambda: a(b, c)')['of'](runner['call_hook'], name, hook)
    return call if steps is None else runner['Loop'](steps, call).run


@pytest.mark.parametrize(
    'name, steps',
    [
        ('before_run', None),
        ('before_train', 0),
        ('before_train', 7),  # of a run that goes on
        ('before_train_epoch', 0),
        ('before_test', 0),
        ('before_test_epoch', 0),
    ],
)
def test_hooks_before_the_first_step(refuse, name, steps):
    assert line_of(hooked(name, refuse, steps)) == 'no such thing.'


@pytest.mark.parametrize(
    'name, steps',
    [
        ('before_train_epoch', 7),
        ('before_val', 7),
        ('before_val_epoch', 7),
        ('before_save_checkpoint', 7),
        ('before_train_iter', 0),
        ('after_load_checkpoint', None),
        ('after_train', 7),
    ],
)
def test_hooks_in_the_middle_of_a_run(refuse, name, steps):
    keeps_its_traceback(hooked(name, refuse, steps))


def test_what_a_loop_does_besides(refuse):
    keeps_its_traceback(module('mmengine.x', RUNNER)['Loop'](0, refuse).run)


def traced(name: Path, kind: type[Exception]) -> str:
    with pytest.raises(kind) as caught:
        read_config(str(name))
    return ''.join(traceback.format_exception(caught.value))


def unreadable(name: Path) -> str:
    with pytest.raises(SystemExit) as stop:
        read_config(str(name))
    return stop.value.code


def test_an_imported_module_that_lacks_another(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / 'own_parts.py').write_text('x = 1\nimport a_part_that_is_lacking\n')
    child = tmp_path / 'child.py'
    child.write_text("custom_imports = dict(imports=['own_parts'])\n")
    text = traced(child, ImportError)
    assert "No module named 'a_part_that_is_lacking'" in text and 'own_parts.py", line 2' in text
    child.write_text("custom_imports = dict(imports=['no_own_parts'])\n")
    assert unreadable(child) == (
        f"{child} cannot be read (ModuleNotFoundError: No module named 'no_own_parts'): correct it, or set PYTHONPATH."
    )
    (tmp_path / 'broken_parts.py').write_text('x = 1\ny = [\n')
    child.write_text("custom_imports = dict(imports=['broken_parts'])\n")
    assert f'{child} cannot be read ({tmp_path / "broken_parts.py"}, line 2: SyntaxError: ' in unreadable(child)


@pytest.mark.parametrize('lazy', [False, True])
@pytest.mark.parametrize(
    'mistake, told', [('x = yy', "NameError: name 'yy' is not defined"), ('x = = 1', 'SyntaxError: invalid syntax')]
)
def test_the_file_and_the_line_are_named(tmp_path, lazy, mistake, told):
    start = 'from mmengine.config import read_base\nwith read_base():\n    from .{} import *\n'
    start = start if lazy else "_base_ = '{}.py'\n"
    (tmp_path / 'middle.py').write_text(start.format('base'))
    (tmp_path / 'child.py').write_text(start.format('middle'))
    # what makes a base of lazy imports one
    (tmp_path / 'base.py').write_text('from torch import nn\n' * lazy + '\n' * (20 - lazy) + mistake + '\n')
    for name in ('child.py', 'middle.py'):
        line = f'{tmp_path / name} cannot be read ({tmp_path / "base.py"}, line 21: {told}): correct it.'
        assert unreadable(tmp_path / name) == line
    assert unreadable(tmp_path / 'base.py') == f'{tmp_path / "base.py"} cannot be read (line 21: {told}): correct it.'


def test_the_line_of_a_base_that_is_computed(tmp_path):
    (tmp_path / 'middle.py').write_text('\n_base_ = [nothing]\n')
    (tmp_path / 'child.py').write_text("_base_ = 'middle.py'\n")
    assert f'({tmp_path / "middle.py"}, line 2: NameError: ' in unreadable(tmp_path / 'child.py')


def test_bases_that_do_not_fit(tmp_path):
    for name in ('one.py', 'two.py'):
        (tmp_path / name).write_text('x = 1\n')
    (tmp_path / 'middle.py').write_text("_base_ = ['one.py', 'two.py']\n")
    (tmp_path / 'child.py').write_text("_base_ = 'middle.py'\n")
    assert f'({tmp_path / "middle.py"}: KeyError: Duplicate key' in unreadable(tmp_path / 'child.py')


def test_a_mistake_without_a_word(tmp_path):
    """MMEngine's lazy imports raise a bare error where a config calls what it imports."""
    (tmp_path / 'child.py').write_text('from torch import nn\n\nx = nn.ReLU()\n')
    assert 'child.py", line 3' in traced(tmp_path / 'child.py', RuntimeError)
