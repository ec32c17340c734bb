from pathlib import Path

import pytest

from mmdefusion.experiments import Trial
from mmdefusion.experiments.logs import find_error


@pytest.mark.parametrize(
    ('text', 'found'),
    [
        (
            'Traceback (most recent call last):\n  File "x.py"\nKeyError: 1\n\nValueError: in_channels=3\nmore of it\n',
            'ValueError: in_channels=3',
        ),
        (
            '[rank1]: torch.OutOfMemoryError: CUDA is full\ntorch.distributed.elastic.ChildFailedError: \n',
            'torch.OutOfMemoryError: CUDA is full',
        ),
        ('AssertionError\n', 'AssertionError'),
        ('loss: 1.0\nsrun: node is gone\n\n', 'srun: node is gone'),
        ('', 'exit status 3'),
    ],
    ids=['chained', 'torchrun', 'bare', 'none', 'empty'],
)
def test_the_error_of_a_log(text, found, tmp_path):
    (tmp_path / 'output.log').write_text('iteration\n' * 20000 + text if text else '')
    assert find_error(tmp_path / 'output.log', 3) == found
    assert find_error(tmp_path / 'output.log', -9) == 'ended by SIGKILL'


@pytest.mark.slow
def test_a_trial_that_fails_says_why(tmp_path: Path):
    trial = Trial('model = dict(type="NoSuchModel")\n', tmp_path / 'broken')
    with pytest.raises(RuntimeError, match=r'broken failed: \w+Error: .*\(log: .*output.log\)'):
        trial.run()
