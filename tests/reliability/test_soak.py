"""The soak in small: what `make soak` runs over thousands of pairs."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from helpers.pretraining import write_fuser

from mmdefusion.apis import FusionInferencer

SPEC = importlib.util.spec_from_file_location('soak', Path(__file__).with_name('soak.py'))
soak = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(soak)


@pytest.fixture(scope='module')
def fuser(tmp_path_factory) -> FusionInferencer:
    weights = write_fuser(tmp_path_factory.mktemp('weights') / 'fuser.pth')
    return FusionInferencer(weights, device='cpu', show_progress=False)


def test_memory_and_files_stay_flat(fuser, tmp_path):
    growth = soak.fuse_many(fuser, 120, tmp_path)
    # in so few pairs the allocator is not settled: what leaks one image a pair shows, what leaks less is the soak's
    assert growth.bytes_a_pair < 20_000 and growth.files_a_pair < soak.FILES_A_PAIR, growth


def test_a_leak_is_seen(fuser, tmp_path, monkeypatch):
    kept = []

    def leaking(pair, **options):
        kept.append((np.ones(100_000, np.uint8), (tmp_path / 'kept').open('w')))

    monkeypatch.setattr(fuser, 'fuse', leaking)
    growth = soak.fuse_many(fuser, 80, tmp_path)
    for _, file in kept:
        file.close()
    assert growth.files_a_pair > soak.FILES_A_PAIR and growth.bytes_a_pair > 20_000 and not growth.flat, growth
