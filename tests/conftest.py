"""Shared by all tests: where the real data lies, a seed, and memory that is given back."""

import ctypes
import gc
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest
import torch
from formula import formula_checkpoint
from helpers.tools_in_process import forget_instances

SHARED = Path(__file__).resolve().parents[2] / 'shared'


@pytest.fixture(scope='session')
def shared() -> Path:
    """The folder of real images and parity data that lies beside a developer's checkout."""
    if not SHARED.is_dir():
        pytest.skip(f'no {SHARED}: real images and parity data are not part of the project')
    return SHARED


@pytest.fixture(scope='module')
def reference() -> dict[str, torch.Tensor]:
    """Weights by a formula, in the layout of DeFusion++'s authors."""
    return {name: value.float() for name, value in formula_checkpoint(teachers=False).items()}


def pytest_collection_finish() -> None:
    """Leave what is imported out of later collections: MMEngine collects once for each data set that it packs."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope='session')
def unformatted_configs() -> Iterator[None]:
    """Leave out yapf, with which MMEngine formats a config each time that a run prints it: half of a short run's time.

    The text means the same without. Tools that a test starts in processes of their own still format theirs.
    """
    with patch('mmengine.config.config.FormatCode', lambda text, **_: (text, True)):
        yield


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


@pytest.fixture(autouse=True, scope='module')
def nothing_left_over() -> Iterator[None]:
    """Forget the runs of a module: their log files are gone, and a worker that has trained would hold gigabytes."""
    yield
    forget_instances()
    gc.collect()
    if sys.platform == 'linux':
        ctypes.CDLL(None).malloc_trim(0)
