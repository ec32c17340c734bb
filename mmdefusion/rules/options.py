"""Which rule of fusion a task takes, and what may be chosen instead."""

from collections.abc import Mapping
from dataclasses import dataclass
from inspect import signature
from numbers import Real
from typing import Any, Literal, get_args

from .detail import Detail

Task = Literal['ivf', 'mef', 'mff']
Colour = Literal['rgb', 'exposed', 'luma', 'grey']
Target = Literal['keep', 'highlight', 'off']
DetailChoice = Literal['residual'] | Mapping[str, float] | None
DETAIL_NUMBERS = tuple(signature(Detail).parameters)
LARGEST = 1000  # of a number of the rule; far beyond it, pixels are no numbers any more
THREE_CHANNELS = ('rgb', 'exposed')  # the network sees three channels

# Defaults for each task: infrared-visible, multi-exposure and multi-focus pairs. Where one source is out of focus, the
# other has all of the detail, and exposures have enough of it, so detail needs no boost. Contrast says little about
# exposure, so there only the network chooses what is left under the bands, softly.
TASKS: dict[str, dict] = {
    'ivf': dict(colour='luma', detail=dict(type='mmdefusion.ResidualDetail')),
    'mef': dict(
        colour='exposed',
        detail=dict(
            type='mmdefusion.ResidualDetail',
            levels=5,
            boost=0.0,
            sharpness=3.0,
            rest_sharpness=1.0,
            contrast=0.0,
            brightness=0.0,
        ),
    ),
    'mff': dict(colour='rgb', detail=dict(type='mmdefusion.ResidualDetail', boost=0.0, brightness=0.0)),
}

# Where targets are to stand out, noise must not: people are raised afterwards, so softer weights cost nothing.
DETAIL_WITH_TARGETS = dict(boost=0.5, sharpness=3.0, noise=0.005)

# Most pixels that the network sees of a frame, and of an infrared and visible pair; detail comes from the whole images.
VIDEO_PIXELS = 160 * 128
PAIR_PIXELS = 490 * 392  # six sliding windows; docs/fusion_record.md has what it costs


@dataclass(frozen=True)
class Rule:
    """How a pair is fused around the network.

    Attributes:
        colour: see :class:`mmdefusion.models.fusers.PictureFuser`.
        target: likewise.
        detail: config of :class:`mmdefusion.models.fusers.ResidualDetail`; None is the plain output of the network.
    """

    colour: Colour
    target: Target
    detail: dict[str, Any] | None


def choose_rule(
    task: Task,
    colour: Colour | None = None,
    detail: DetailChoice = 'residual',
    target: Target | None = None,
) -> Rule:
    """The rule of a task, but for what is chosen otherwise.

    Args:
        task: ``'ivf'``, ``'mef'`` or ``'mff'``.
        colour: None takes that of the task; for the plain output of exposures, ``'rgb'``.
        detail: ``'residual'``, or by name the numbers of :class:`Detail` that differ from those of the task; None takes
            the plain output of the network.
        target: None takes ``'keep'`` for the brightness of infrared and visible images with detail, and ``'off'`` for
            all else: exposures and foci, the plain output, and the network's own colours.

    Raises:
        ValueError: if a value is not allowed, or they do not go together.
    """
    if task not in TASKS:
        raise ValueError(f'task={task!r} is none of {", ".join(TASKS)}.')
    if colour is not None and colour not in get_args(Colour):
        raise ValueError(f'colour={colour!r} is none of {", ".join(get_args(Colour))}.')
    own = check_numbers(detail) if isinstance(detail, Mapping) else {}
    if not isinstance(detail, Mapping) and detail not in ('residual', None):
        raise ValueError(f"detail={detail!r} is neither 'residual' nor numbers of the rule nor None.")
    if target is not None and target not in get_args(Target):
        raise ValueError(f'target={target!r} is none of {", ".join(get_args(Target))}.')
    plain = 'rgb' if TASKS[task]['colour'] in THREE_CHANNELS else TASKS[task]['colour']
    colour = colour or (TASKS[task]['colour'] if detail else plain)
    if target is None:
        target = 'keep' if task == 'ivf' and detail and colour not in THREE_CHANNELS else 'off'
    if target != 'off' and task != 'ivf':
        raise ValueError(f"target={target!r} needs an infrared and a visible image: task='ivf'.")
    refuse_coloured_targets(colour, target)
    numbers = TASKS[task]['detail'] | ({} if target == 'off' else DETAIL_WITH_TARGETS)
    return Rule(colour, target, numbers | own if detail else None)


def read_detail(text: str) -> DetailChoice:
    """Reads a choice of detail: ``'residual'``, ``'none'``, or numbers of the rule such as ``'levels=5,boost=0.3'``.

    Raises:
        ValueError: if it is none of these, or a number is not allowed.
    """
    if text in ('residual', 'none'):
        return None if text == 'none' else text
    if '=' not in text:
        raise ValueError(f"{text!r} is neither 'residual' nor 'none', nor numbers such as 'boost=0.3,levels=5'.")
    return read_numbers(text)


def read_numbers(text: str) -> dict[str, float]:
    """Reads numbers of the rule of detail such as ``'levels=5,boost=0.3'``.

    Raises:
        ValueError: if a part is none, or is not allowed.
    """
    found = {}
    for part in text.split(','):
        name, _, value = part.partition('=')
        if (name := name.strip()) in found:
            raise ValueError(f'{text!r} gives {name} twice: name each number once.')
        try:
            found[name] = float(value)
        except ValueError:
            raise ValueError(f'{part!r} is no NAME=NUMBER; names are {", ".join(DETAIL_NUMBERS)}.') from None
    return check_numbers(found)


def check_numbers(numbers: Mapping[str, float]) -> dict[str, float]:
    """Numbers of :class:`Detail` by name.

    Raises:
        ValueError: if there are none, a name is not one of the rule, or a number is negative, not finite, or a part of
            a level.
    """
    unknown = [str(name) for name in numbers if name not in DETAIL_NUMBERS]
    if unknown or not numbers:
        what = ', '.join(unknown) or 'an empty dict names none'
        raise ValueError(f'{what}: the rule of detail has {", ".join(DETAIL_NUMBERS)}.')
    for name, value in numbers.items():
        if not isinstance(value, Real) or not 0 <= value <= LARGEST or (name == 'levels' and value % 1):
            whole = 'a whole' if name == 'levels' else 'a'
            raise ValueError(f'{name}={value} of the rule of detail is not {whole} number from 0 to {LARGEST}.')
    return {name: int(value) if name == 'levels' else float(value) for name, value in numbers.items()}


def choose_pixels(task: Task, network_pixels: int | None = None) -> tuple[int | None, int]:
    """The most pixels that the network sees of an image, None for all, and of the frame of a video.

    Raises:
        ValueError: if ``network_pixels`` is less than 1.
    """
    if network_pixels is not None and network_pixels < 1:
        raise ValueError(f'network_pixels={network_pixels} must be at least 1, or None.')
    return network_pixels or (PAIR_PIXELS if task == 'ivf' else None), network_pixels or VIDEO_PIXELS


def refuse_coloured_targets(colour: Colour, target: Target) -> None:
    """Raises a ValueError if targets are to stand out in the colours that the network gives."""
    if target != 'off' and colour in THREE_CHANNELS:
        raise ValueError(f"target={target!r} is a matter of brightness: it goes with colour='luma' or 'grey'.")
