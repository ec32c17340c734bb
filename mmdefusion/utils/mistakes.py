"""Tells mistakes in a config from bugs of code: the ones end a command with a line, the others with their traceback."""

import dis
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from traceback import walk_tb
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

from .names import shown

if TYPE_CHECKING:
    from mmengine.config import Config

# what Python says of arguments that a class does not take, or lacks
ARGUMENTS = re.compile(r'(?:\S+\.)?(\w+)\.__init__\(\) (?:got an unexpected keyword|missing)[^\n]*\Z')
UNKNOWN = 'registry. Please check'  # what MMEngine says of names that no class has
# whose refusals are about the config; code of a user, and what it calls, is for its author
TOLD_BY = {'mmdefusion', 'mmengine', 'mmcv', 'mmdet', 'mmseg', 'torch', 'contextlib', 'importlib', 'runpy', 'ast'}
# where something is computed or read, also in a loop that is not MMEngine's, and in a hook before the first step
STEPS = {'run_iter', 'train_step', 'val_step', 'test_step', 'evaluate', '__next__'}
FIRST_HOOKS = {'before_run', 'before_train', 'before_test'}  # what is called once, before the first step
EPOCH_HOOKS = {'before_train_epoch', 'before_test_epoch'}  # before the first step where no step was made
READERS = {'_file2dict', '_parse_lazy_import', '_is_lazy_import'}  # MMEngine's, with the name of what they read
RAISE = dis.opmap['RAISE_VARARGS']  # what a raise and an assert end in
KEPT_HOOKS = {
    'runtime_info',
    'timer',
    'sampler_seed',
    'logger',
    'param_scheduler',
    'checkpoint',
}  # None resets MMEngine's


def read_config(name: str, options: Mapping[str, Any] | None = None) -> 'Config':
    """Reads a config and merges the options of ``--cfg-options``.

    A hook of ``default_hooks`` that is None is left out, as MMEngine does with its own.

    Raises:
        FileNotFoundError: if a file is not there.
        SystemExit: with a line, if the config or one that it inherits from cannot be read, or an option does not fit.
        Exception: what code that the config imports raises, with its traceback.
    """
    from mmengine.config import Config

    try:
        config = Config.fromfile(name)
    except FileNotFoundError:
        raise
    except Exception as error:  # a config is Python
        if (line := _unreadable(name, error)) is None:
            raise
        raise SystemExit(line) from None
    try:
        config.merge_from_dict(options or {})
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise SystemExit(f'--cfg-options do not fit {name}: {_line(error)}') from None
    hooks = config.get('default_hooks') or {}
    for hook in [hook for hook, kind in hooks.items() if kind is None and hook not in KEPT_HOOKS]:
        hooks.pop(hook)
    return config


@contextmanager
def mistakes_in_a_line(name: str) -> Iterator[None]:
    """Ends with a line where what a config says is refused before anything is trained or tested.

    That is what MMEngine builds by a wrong name or with wrong arguments, and what we, MMEngine or a toolbox refuse
    while a runner and its data sets are built, and in hooks before the first step. What Python refuses by itself (such
    as a tuple of another length) is a bug, wherever it is, and keeps its traceback, as do steps, data that are read in
    them, all that a loop does once it has begun, and code of a user.

    Args:
        name: name of the config.

    Raises:
        SystemExit: with that line.
    """
    try:
        yield
    except (KeyError, TypeError) as error:
        text = str(error.args[0]) if error.args else ''
        if _is_under_way(_frames(error.__traceback__)) or not _built_by_mmengine(error, text):
            raise
        line = shown(text.partition('. Please')[0])
        raise SystemExit(f'{name}: {line}: correct it there, or in --cfg-options.') from None
    except (AssertionError, ValueError) as error:
        frames = _frames(error.__traceback__)[2:]  # behind this function and the command's own
        if not str(error).strip() or not _is_on_purpose(error) or _is_foreign(frames) or _is_under_way(frames):
            raise
        if frames and _room(frames[-1]) == 'mmdefusion':  # which says what to do
            raise SystemExit(_line(error)) from None
        raise SystemExit(f'{name}: {_line(error).rstrip(".")}: correct it there, or in --cfg-options.') from None


def _unreadable(name: str, error: Exception) -> str | None:
    """The line about a config that cannot be read; nothing where only a traceback tells what is wrong."""
    chain = _chain(error)
    if _is_foreign([frame for one in chain for frame in _frames(one.__traceback__)]):
        return None
    told: BaseException = error
    if isinstance(error, ImportError | SyntaxError):  # MMEngine raises others in their place, which tell less
        told = [one for one in chain if isinstance(one, ImportError | SyntaxError)][-1]
    text = shown(told.msg or '') if isinstance(told, SyntaxError) else _line(told)
    if not text:  # as of calls in a config of lazy imports
        return None
    remedy = 'correct it, or set PYTHONPATH' if isinstance(told, ImportError) else 'correct it'
    return f'{name} cannot be read ({_place(name, error, told)}{type(told).__name__}: {text}): {remedy}.'


def _place(name: str, error: BaseException, told: BaseException) -> str:
    """The file that was read, where it is not the one named, and the line; with a colon behind."""
    file, number = name, None
    for frame, line in walk_tb(error.__traceback__):
        if frame.f_code.co_name in READERS:  # the copy that they read has the lines of the file
            file, number = frame.f_locals.get('filename') or file, None
        elif not _room(frame) or not frame.f_code.co_filename:  # the latter evaluates _base_
            file, number = frame.f_code.co_filename or file, line
    if number is None and isinstance(told, SyntaxError):
        if told.filename and not told.filename.startswith('<'):
            file = told.filename
        number = told.lineno
    file = str(Path(file).resolve())
    parts = [] if file == str(Path(name).resolve()) else [shown(file)]
    parts += [] if number is None else [f'line {number}']
    return f'{", ".join(parts)}: ' if parts else ''


def _chain(error: BaseException) -> list[BaseException]:
    """An error and those that it was raised from, or in place of, also where ``from None`` hides them."""
    chain: list[BaseException] = []
    one: BaseException | None = error
    while one is not None and one not in chain:
        chain.append(one)
        one = one.__cause__ or one.__context__
    return chain


def _line(error: BaseException) -> str:
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    return shown(' '.join(text.split()))


def _frames(traceback: TracebackType | None) -> list[FrameType]:
    return [frame for frame, _ in walk_tb(traceback)]


def _room(frame: FrameType) -> str:
    """The package of a frame's module; nothing for the lines of a config."""
    return (frame.f_globals.get('__name__') or '').partition('.')[0]


def _is_foreign(frames: Sequence[FrameType]) -> bool:
    return any(_room(frame).strip('_').removeprefix('frozen_') not in TOLD_BY | {''} for frame in frames)


def _is_on_purpose(error: BaseException) -> bool:
    """Whether it was raised by a ``raise`` or ``assert`` of Python code, rather than by what an operation refuses."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    return traceback is not None and traceback.tb_frame.f_code.co_code[traceback.tb_lasti] == RAISE


def _is_under_way(frames: Sequence[FrameType]) -> bool:
    """Whether a step was made, a loop did more than to call its first hooks, or another hook was called."""
    from mmengine.runner import BaseLoop

    if any(frame.f_code.co_name in STEPS for frame in frames):
        return True
    loop = None
    for frame in frames:
        if frame.f_code.co_name == 'call_hook':
            hook = frame.f_locals.get('fn_name')
            # a loop of tests counts no steps, and has made none then; the runner's count would build the training
            return hook not in FIRST_HOOKS and (hook not in EPOCH_HOOKS or getattr(loop, 'iter', 0) > 0)
        if frame.f_code.co_name == 'run' and isinstance(frame.f_locals.get('self'), BaseLoop):
            loop = frame.f_locals['self']
    return loop is not None


def _built_by_mmengine(error: KeyError | TypeError, text: str) -> bool:
    """Whether it was MMEngine that called the class of which an error says what it lacks, or that found none."""
    frames = _frames(error.__traceback__)
    if isinstance(error, TypeError):
        named = ARGUMENTS.match(text)
        if named is None:
            return False
        if frames and frames[-1].f_code.co_name == 'call_hook' and error.__context__:  # raised in place of a hook's
            frames = _frames(error.__context__.__traceback__)
        # a class that hands its arguments on to the class above, of which the error speaks then
        while frames and _constructs(frames[-1], named[1]):
            frames.pop()
    elif UNKNOWN not in text:
        return False
    return bool(frames) and frames[-1].f_globals.get('__name__', '').startswith('mmengine.')


def _constructs(frame: FrameType, name: str) -> bool:
    """Whether a frame is the ``__init__`` of an object of a class of this name, or of one derived from it."""
    classes = type(frame.f_locals.get('self')).__mro__
    return frame.f_code.co_name == '__init__' and name in [one.__name__ for one in classes]
