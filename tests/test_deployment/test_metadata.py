"""The metadata of a file are data: bounded, typed, refused in a line that names file and value."""

import json

import pytest

from mmdefusion.deployment.metadata import KEY, LONGEST, Metadata, parse_metadata

WHOLE = Metadata(
    'detect',
    classes=('a', 'b'),
    palette=((1, 2, 3), (4, 5, 6)),
    size=(64, 96),
    scale=(96, 64),
    thermal_range=(0.0, 9.5),
)


def test_metadata_survive_a_file():
    assert parse_metadata({KEY: WHOLE.to_text()}, 'x.onnx') == WHOLE
    assert parse_metadata({KEY: json.dumps({'task': 'fuse', 'of a later version': 1})}, 'x.onnx') == Metadata('fuse')


@pytest.mark.parametrize(
    ('field', 'value'),
    [
        ('task', 'steal'),
        ('what', 7),
        ('classes', 'person'),
        ('classes', ['a', 3]),
        ('classes', ['a'] * 10_001),
        ('palette', [[1, 2], [3, 4]]),
        ('palette', [[1, 2, 256], [3, 4, 5]]),
        ('size', [64, -1]),
        ('size', [64, 1e9]),
        ('size', [True, True]),
        ('scale', [1, 2, 3]),
        ('scale', [8193, 2]),
        ('scale', [8192, 8192]),
        ('size', [20_000, 20_000]),
        ('keep_ratio', 'yes'),
        ('infrared_channels', 4),
        ('thermal_range', [5, 5]),
        ('thermal_range', [float('nan'), 5]),
        ('thermal_range', [float('-inf'), float('inf')]),
        ('thermal_range', [1, 10**400]),
        ('percentiles', [0, float('inf')]),
        ('percentiles', [-1, 5]),
        ('mask_threshold', 1.5),
        ('mask_threshold', float('nan')),
        ('logits', 1),
        ('align_corners', 'no'),
        ('pixels', 'complex64'),
        ('precision', None),
        ('version', {}),
        ('config', []),
    ],
)
def test_values_that_are_not_allowed(field, value):
    content = json.loads(WHOLE.to_text()) | {field: value}
    with pytest.raises(ValueError, match=f'^x.onnx carries {field}=') as error:
        parse_metadata({KEY: json.dumps(content)}, 'x.onnx')
    assert '\n' not in str(error.value) and len(str(error.value)) < 300


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        (None, 'no metadata of mmdefusion'),
        ('{', 'not JSON'),
        ('[' * 100_000, 'not JSON'),
        ('[]', 'a list, not a dict'),
        ('{}', 'does not say what it is for'),
        (json.dumps({'task': 'detect', 'classes': ['a']}), '1 classes and 0 colours'),
        (json.dumps({'task': 'segment', 'scale': [64, 48]}), 'labels of resized pairs.*export the network again'),
        (' ' * (LONGEST + 1), 'at most 1048576 are read'),
    ],
)
def test_texts_that_are_not_allowed(text, message):
    with pytest.raises(ValueError, match=f'^x.onnx .*{message}'):
        parse_metadata({} if text is None else {KEY: text}, 'x.onnx')
