"""Shared by all tests: where the real data lies, a seed, and memory that is given back."""

import ctypes
import gc
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

SHARED = Path(__file__).resolve().parents[2] / 'shared'


@pytest.fixture(scope='session')
def shared() -> Path:
    """The folder of real images and parity data that lies beside a developer's checkout."""
    if not SHARED.is_dir():
        pytest.skip(f'no {SHARED}: real images and parity data are not part of the project')
    return SHARED


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


@pytest.fixture(autouse=True, scope='module')
def memory_given_back() -> Iterator[None]:
    """A worker that has trained a dozen networks would hold gigabytes that are free."""
    yield
    gc.collect()
    if sys.platform == 'linux':
        ctypes.CDLL(None).malloc_trim(0)
