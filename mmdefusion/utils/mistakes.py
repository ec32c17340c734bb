"""Tells mistakes in a config from bugs of code: the ones end a command with a line, the others with their traceback."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
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
STEPS = {'run_iter', 'train_step', 'val_step', 'test_step', 'evaluate', '__next__'}  # where a run is under way
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
        SystemExit: with a line, if the config cannot be read, or an option does not fit.
    """
    from mmengine.config import Config

    try:
        config = Config.fromfile(name)
    except FileNotFoundError:
        raise
    except Exception as error:  # a config is Python
        if _is_foreign(_frames(error.__traceback__)):
            raise
        raise SystemExit(f'{name} cannot be read ({type(error).__name__}: {_line(error)}): correct it.') from None
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
    while a runner and its data sets are built, and in hooks before the first step. Steps, data that are read in them,
    and code of a user keep their traceback.

    Args:
        name: name of the config.

    Raises:
        SystemExit: with that line.
    """
    try:
        yield
    except (KeyError, TypeError) as error:
        text = str(error.args[0]) if error.args else ''
        if not _built_by_mmengine(error, text):
            raise
        line = shown(text.partition('. Please')[0])
        raise SystemExit(f'{name}: {line}: correct it there, or in --cfg-options.') from None
    except (AssertionError, ValueError) as error:
        frames = _frames(error.__traceback__)[2:]  # behind this function and the command's own
        if not str(error).strip() or _is_foreign(frames) or _is_under_way(frames):
            raise
        if frames and _room(frames[-1]) == 'mmdefusion':  # which says what to do
            raise SystemExit(_line(error)) from None
        raise SystemExit(f'{name}: {_line(error).rstrip(".")}: correct it there, or in --cfg-options.') from None


def _line(error: Exception) -> str:
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    return shown(' '.join(text.split()))


def _frames(traceback: TracebackType | None) -> list[FrameType]:
    return [frame for frame, _ in walk_tb(traceback)]


def _room(frame: FrameType) -> str:
    """The package of a frame's module; nothing for the lines of a config."""
    return (frame.f_globals.get('__name__') or '').partition('.')[0]


def _is_foreign(frames: Sequence[FrameType]) -> bool:
    return any(_room(frame).strip('_').removeprefix('frozen_') not in TOLD_BY | {''} for frame in frames)


def _is_under_way(frames: Sequence[FrameType]) -> bool:
    """Whether something was trained, tested or scored, or a hook was called behind it."""
    for frame in frames:
        hooks = frame.f_code.co_name == 'call_hook' and not str(frame.f_locals.get('fn_name')).startswith('before')
        if hooks or frame.f_code.co_name in STEPS:
            return True
    return False


def _built_by_mmengine(error: KeyError | TypeError, text: str) -> bool:
    """Whether it was MMEngine that called the class of which an error says what it lacks, or that found none."""
    frames = _frames(error.__traceback__)
    if isinstance(error, TypeError):
        named = ARGUMENTS.match(text)
        if named is None:
            return False
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
