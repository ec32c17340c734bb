"""The soak in small: what `make soak` runs over thousands of pairs."""

import importlib.util
import mmap
from pathlib import Path

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
    assert growth.bytes_a_step < 50_000 and growth.files_a_step < soak.FILES_A_STEP, growth


def test_a_leak_is_seen(fuser, tmp_path, monkeypatch):
    kept = []

    def leaking(pair, **options):
        block = mmap.mmap(-1, 100_000)  # not the heap: what earlier tests freed there would be taken first
        block.write(bytes(100_000))
        kept.append((block, (tmp_path / 'kept').open('w')))

    monkeypatch.setattr(fuser, 'fuse', leaking)
    growth = soak.fuse_many(fuser, 80, tmp_path)
    for block, file in kept:
        block.close()
        file.close()
    assert (
        growth.files_a_step > soak.FILES_A_STEP and growth.bytes_a_step > 50_000 and not growth.flat(soak.BYTES_A_PAIR)
    ), growth
