from pathlib import Path

import pytest
from mmengine.config import Config

from mmdefusion.models.checkpoints.plain_config import read_plain_config

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize('path', sorted((ROOT / 'configs/pretrain').glob('*.py')), ids=lambda path: path.stem)
def test_reads_what_mmengine_dumps(path):
    config = Config.fromfile(path)
    assert read_plain_config(config.pretty_text) == config.to_dict()


@pytest.mark.parametrize(
    'text',
    [
        'a = __import__("os").getcwd()',
        'import os',
        'a = dict(b=print(1))',
        'a.b = 1',
        'a = dict(**{1: 2})',
        'a = {[]: 1}',
        'a = (',
        'if 1:\n    a = 1',
        'a = f"{1}"',
        'a = lambda: 1',
        'a = 1 + 1',
        7,
    ],
)
def test_runs_nothing(text):
    with pytest.raises(ValueError, match='plain data'):
        read_plain_config(text)


@pytest.mark.parametrize(
    'text',
    [
        'a = ' + '[' * 100_000,
        'a = ' + '[' * 40 + ']' * 40,
        'a = ' + '-' * 100_000 + '1',
        'a = ' + '1-' * 100_000 + '1',
        'a = ' + 'b.' * 100_000 + 'c',
        'a = ' + 'not ' * 100_000 + '1',
        'a = "' + 'x' * 2**20 + '"',
        'a = 1' + '0' * 10_000,
    ],
    ids=lambda text: text[:8],
)
def test_bounded(text):
    """Nothing that would overflow the parser's stack reaches it."""
    with pytest.raises(ValueError, match='plain data'):
        read_plain_config(text)
