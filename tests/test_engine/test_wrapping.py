"""Fully sharded training wraps whole blocks, all of whose weights are used by calling them."""

from pathlib import Path

import pytest
from helpers.fsdp_step import two_steps
from torch import multiprocessing

(CONFIG,) = (Path(__file__).parents[2] / 'configs/pretrain').glob('*_fsdp.py')


@pytest.mark.slow
def test_two_steps_of_the_config_in_two_processes(tmp_path):
    multiprocessing.spawn(two_steps, (str(CONFIG), str(tmp_path / 'meeting')), nprocs=2)
