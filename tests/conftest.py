"""Shared by all tests: where the real data lies, and a seed."""

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
