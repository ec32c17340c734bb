import os
import zipfile

import numpy as np
import pytest
import torch
from reliability.hostile_pickles import bombs

from mmdefusion.engine.checkpoint_files import find_latest_whole, refuse_broken_run
from mmdefusion.models.checkpoints.errors import CheckpointError


def write(path, iteration=1, time='20260101_000000', value=0.0, **meta):
    weights = torch.arange(2000.0) + value
    meta |= dict(iter=iteration, epoch=0, time=time)
    torch.save(dict(state_dict=dict(weight=weights, bias=torch.ones(3)), meta=meta, message_hub={}), path)
    return path


def test_every_flip_is_found_or_changes_nothing(tmp_path):
    whole = write(tmp_path / 'a.pth')
    refuse_broken_run(whole)
    content, expected = whole.read_bytes(), torch.load(whole)
    random, found = np.random.default_rng(0), 0
    for place in random.integers(0, len(content), 300):
        damaged = bytearray(content)
        damaged[place] ^= 1 << random.integers(8)
        whole.write_bytes(damaged)
        try:
            refuse_broken_run(whole)
        except CheckpointError:
            found += 1
            continue
        loaded = torch.load(whole, weights_only=True)  # a date, or the space between two records
        assert loaded['meta'] == expected['meta']
        assert all(torch.equal(loaded['state_dict'][name], value) for name, value in expected['state_dict'].items())
    assert found > 250


@pytest.mark.parametrize('share', [0, 0.001, 0.3, 0.7, 0.99, 0.9999])
def test_torn_files(tmp_path, share):
    path = write(tmp_path / 'a.pth')
    os.truncate(path, int(path.stat().st_size * share))
    with pytest.raises(CheckpointError, match='a.pth'):
        refuse_broken_run(path)


def test_nan_is_no_start(tmp_path):
    with pytest.raises(CheckpointError, match='1 of its weights are NaN, first weight'):
        refuse_broken_run(write(tmp_path / 'a.pth', value=float('nan')))


def test_the_latest_by_its_own_word(tmp_path):
    """A stale longer run, MMEngine's best, foreign weights and unfinished files are there too."""
    write(tmp_path / 'iter_90.pth', 90, '20250101_000000')
    write(tmp_path / 'iter_10.pth', 10)
    latest = write(tmp_path / 'iter_20.pth', 20)
    os.utime(latest, (0, 0))
    write(tmp_path / 'best_mAP_iter_20.pth', 20, '20270101_000000')
    torch.save(dict(weight=torch.ones(3)), tmp_path / 'pretrained.pth')
    (tmp_path / '.iter_30.pth').write_bytes(b'PK')
    assert find_latest_whole(tmp_path) == (latest, [])
    os.truncate(latest, 3000)
    path, skipped = find_latest_whole(tmp_path)
    assert path.name == 'iter_10.pth' and len(skipped) == 1 and 'iter_20.pth is a damaged zip' in skipped[0]


def test_a_hostile_file_in_a_work_dir_is_skipped(tmp_path):
    """Torch is not asked when it was written, as that would end the process."""
    dict(bombs())['a key of 300,000 tuples in each other'](tmp_path / 'iter_30.pth')
    latest = write(tmp_path / 'iter_20.pth', 20)
    path, skipped = find_latest_whole(tmp_path)
    assert path == latest and len(skipped) == 1 and 'iter_30.pth: its pickle has tuples of more than 32' in skipped[0]


def test_a_clock_that_goes_back_loses_nothing(tmp_path):
    """The hour that a time zone repeats in autumn; a run of before, which had come further, stays behind."""
    write(tmp_path / 'iter_900.pth', 900, '20261024_120000', experiment_name='atss_20261024_090000')
    run = dict(experiment_name='atss_20261025_020000')
    write(tmp_path / 'iter_100.pth', 100, '20261025_025500', **run)
    latest = write(tmp_path / 'iter_200.pth', 200, '20261025_020500', **run)
    assert find_latest_whole(tmp_path) == (latest, [])


@pytest.mark.parametrize(
    'change',
    [
        dict(message_hub=5),
        dict(optimizer=5),
        dict(state_dict=[torch.ones(2)]),
        dict(meta=dict(epoch=0)),
        dict(meta=dict(iter=1, epoch=0, seed='x')),
        dict(meta=[]),
    ],
    ids=str,
)
def test_what_no_run_has_written(change, tmp_path):
    path = write(tmp_path / 'a.pth')
    torch.save(torch.load(path) | change, path)
    with pytest.raises(CheckpointError, match=r'a\.pth is no checkpoint of an interrupted training'):
        refuse_broken_run(path)


def test_weights_alone_are_no_run(tmp_path):
    torch.save(dict(state_dict=dict(w=torch.ones(2))), tmp_path / 'a.pth')
    with pytest.raises(CheckpointError, match='name it as load_from'):
        refuse_broken_run(tmp_path / 'a.pth')


def test_a_compressed_file_is_not_unpacked_to_know_its_date(tmp_path):
    path = write(tmp_path / 'iter_1.pth')
    with zipfile.ZipFile(path) as plain, zipfile.ZipFile(tmp_path / 'iter_2.pth', 'w', zipfile.ZIP_DEFLATED) as packed:
        for entry in plain.infolist():
            packed.writestr(entry.filename, plain.read(entry))
    found, skipped = find_latest_whole(tmp_path)
    assert found == path and len(skipped) == 1 and 'iter_2.pth: its entry' in skipped[0] and 'compressed' in skipped[0]
