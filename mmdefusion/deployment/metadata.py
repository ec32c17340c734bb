"""What an exported file says of itself: read as data, bounded and typed."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from mmdefusion.utils.image_headers import max_pixels

KEY = 'mmdefusion'  # of the metadata in an ONNX file
LONGEST = 2**20  # characters of metadata
MOST_CLASSES = 10_000
LONGEST_SIDE = 8192  # pixels that a pair may be resized to
LARGEST = 1e9  # counts of a thermal camera, and more
Task = Literal['fuse', 'detect', 'segment']
What = Literal['model', 'features']
Pixels = Literal['uint8', 'float32']
Precision = Literal['fp32', 'fp16', 'int8']


@dataclass(frozen=True)
class Metadata:
    """What a program needs to know of an exported network.

    Attributes:
        task: ``'fuse'``, ``'detect'`` or ``'segment'``.
        what: ``'model'``, or ``'features'`` for the maps that a head would read.
        version: version of mmdefusion that wrote the file.
        config: the config of the network, as text; never run.
        classes: names of the classes.
        palette: RGB colour of each class.
        size: height and width that the network takes; None takes any.
        scale: width and height that pairs are resized to before; None leaves them as they are.
        keep_ratio: whether that keeps the proportions, so that ``scale`` is the largest size.
        infrared_channels: 1, or 3 for pairs of colour images.
        thermal_range: counts of 16-bit infrared images that become black and white; None takes percentiles.
        percentiles: those.
        mask_threshold: smallest value of ``masks`` that belongs to an object.
        logits: whether a segmenter gives the logits of all classes, as pairs are resized to ``scale`` and labels are
            told in their own size; else it gives labels.
        align_corners: whether the middles of corner pixels stay where they are when those are resized.
        pixels: dtype of both inputs, whose values are 0 to 255 in either.
        precision: ``'fp32'``, ``'fp16'`` or ``'int8'``.
    """

    task: Task
    what: What = 'model'
    version: str = ''
    config: str = ''
    classes: tuple[str, ...] = ()
    palette: tuple[tuple[int, int, int], ...] = ()
    size: tuple[int, int] | None = None
    scale: tuple[int, int] | None = None
    keep_ratio: bool = True
    infrared_channels: int = 1
    thermal_range: tuple[float, float] | None = None
    percentiles: tuple[float, float] = (1.0, 99.0)
    mask_threshold: float = 0.5
    logits: bool = False
    align_corners: bool = False
    pixels: Pixels = 'float32'
    precision: Precision = 'fp32'

    def to_text(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self))


def parse_metadata(entries: Mapping[str, str], name: str) -> Metadata:
    """Reads the metadata of an ONNX file.

    Args:
        entries: all metadata of the file.
        name: name of the file in error messages.

    Raises:
        ValueError: if there is none of ours, or a value in it has the wrong type or is out of range.
    """
    text = entries.get(KEY)
    again = 'export the network again with tools/deployment/export.py'
    if text is None:
        raise ValueError(f'{name} carries no metadata of mmdefusion: {again}.')
    if len(text) > LONGEST:
        raise ValueError(f'{name} carries {len(text)} characters of metadata, at most {LONGEST} are read: {again}.')
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError(f'{name} carries metadata that are not JSON: {again}.') from None
    if not isinstance(content, dict):
        raise ValueError(f'{name} carries metadata that are a {type(content).__name__}, not a dict: {again}.')
    known = {field.name for field in fields(Metadata)}
    values = {key: _frozen(value) for key, value in content.items() if key in known}
    if key := wrong_field(values):
        raise ValueError(
            f'{name} carries {key}={str(values[key])[:80]!r} in its metadata, which is not allowed: {again}.'
        )
    if 'task' not in values:
        raise ValueError(f'{name} does not say what it is for (task): {again}.')
    found = Metadata(**values)
    if len(found.palette) < len(found.classes):
        raise ValueError(f'{name} has {len(found.classes)} classes and {len(found.palette)} colours: {again}.')
    if found.task == 'segment' and found.what == 'model' and found.scale and not found.logits:
        raise ValueError(f'{name} gives labels of resized pairs, which would have to be resized again: {again}.')
    return found


def wrong_field(values: Mapping[str, Any]) -> str | None:
    """The name of the first field whose value no file may have; None if there is none."""
    return next((key for key, value in values.items() if not CHECKS[key](value)), None)


def _frozen(value: Any) -> Any:
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value


def _whole(value: Any, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _size(value: Any) -> bool:
    two = isinstance(value, tuple) and len(value) == 2 and all(_whole(v, 1, LONGEST_SIDE) for v in value)
    return value is None or (two and value[0] * value[1] <= max_pixels())


def _range(value: Any) -> bool:
    two = isinstance(value, tuple) and len(value) == 2 and all(type(v) in (int, float) for v in value)
    return two and all(abs(v) < LARGEST for v in value) and value[0] < value[1]  # NaN is in no order


def _colour(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) == 3 and all(_whole(v, 0, 255) for v in value)


CHECKS = {
    'task': lambda value: value in get_args(Task),
    'what': lambda value: value in get_args(What),
    'version': lambda value: isinstance(value, str),
    'config': lambda value: isinstance(value, str),
    'classes': lambda v: isinstance(v, tuple) and len(v) <= MOST_CLASSES and all(isinstance(name, str) for name in v),
    'palette': lambda v: isinstance(v, tuple) and len(v) <= MOST_CLASSES and all(map(_colour, v)),
    'size': _size,
    'scale': _size,
    'keep_ratio': lambda value: isinstance(value, bool),
    'infrared_channels': lambda value: value in (1, 3),
    'thermal_range': lambda value: value is None or _range(value),
    'percentiles': lambda value: _range(value) and value[0] >= 0 and value[1] <= 100,
    'mask_threshold': lambda value: type(value) in (int, float) and 0 <= value <= 1,
    'logits': lambda value: isinstance(value, bool),
    'align_corners': lambda value: isinstance(value, bool),
    'pixels': lambda value: value in get_args(Pixels),
    'precision': lambda value: value in get_args(Precision),
}
