"""The one reader: what torch.save and safetensors write of tensors and plain data, and nothing else."""

import hashlib
import io
import itertools
import json
import os
import pickle
import struct
import warnings
import zipfile
from collections import Counter, OrderedDict
from pathlib import Path

import pytest
import torch
from reliability.hostile_pickles import bombs
from torch.testing import assert_close

from mmdefusion.models.checkpoints import archives, reading
from mmdefusion.models.checkpoints.archives import END, END64, LOCATOR, check_unread
from mmdefusion.models.checkpoints.errors import CheckpointError
from mmdefusion.models.checkpoints.reading import read_checkpoint, read_plain
from mmdefusion.models.checkpoints.weights_fit import read_weights
from mmdefusion.models.checkpoints.writing import write_checkpoint

CONTENT = {
    'state_dict': OrderedDict(a=torch.arange(6.0).view(2, 3), b=torch.ones(2, dtype=torch.float16)),
    'optimizer': {'state': {0: {'step': torch.tensor(3), 'betas': (0.9, 0.999)}}, 'milestones': Counter([3, 4])},
    'meta': {'iter': 7, 'seen': {1, 2}, 'classes': ['car', None], 'size': torch.Size([2, 3])},
}


class Touch:
    """Pickled, it touches a file when it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return os.system, (f'touch {self.path}',)


def refused(path: Path, match: str) -> None:
    with pytest.raises(CheckpointError, match=match) as raised:
        read_checkpoint(path)
    assert path.name in str(raised.value) and '\n' not in str(raised.value)


@pytest.mark.parametrize('new', [True, False], ids=['zip', 'legacy'])
def test_reads_what_torch_saves(new, tmp_path):
    torch.save(CONTENT, tmp_path / 'x.pth', _use_new_zipfile_serialization=new)
    found = read_checkpoint(tmp_path / 'x.pth')
    assert_close(found['state_dict'], dict(CONTENT['state_dict']))
    assert found['meta'] == CONTENT['meta'] and found['optimizer']['milestones'] == {3: 1, 4: 1}


@pytest.mark.parametrize('new', [True, False])
def test_warnings_are_left_alone(new, tmp_path, monkeypatch):
    """Python's filters are one list for all threads, which overlapping calls would leave as another one's."""
    torch.save({'weight': torch.ones(3)}, tmp_path / 'x.pth', _use_new_zipfile_serialization=new)
    load, seen = torch.load, []

    def look(*args, **options):
        seen.append(warnings.filters)
        return load(*args, **options)

    monkeypatch.setattr(torch, 'load', look)
    with warnings.catch_warnings():
        warnings.simplefilter('error')  # torch has none for what it saved
        read_checkpoint(tmp_path / 'x.pth')
        assert len(seen) == 1 and seen[0] is warnings.filters


def test_reads_parameters_and_views(tmp_path):
    whole = torch.arange(12.0)
    torch.save({'p': torch.nn.Parameter(torch.ones(2)), 'v': whole[2:4], 't': whole.view(3, 4).T}, tmp_path / 'x.pth')
    found = read_checkpoint(tmp_path / 'x.pth')
    assert type(found['p']) is torch.Tensor and found['v'].tolist() == [2, 3] and found['t'].shape == (4, 3)


@pytest.mark.parametrize('suffix', ['.safetensors', '.pth'])
def test_reads_what_we_write(suffix, tmp_path):
    shared = torch.arange(6.0).view(2, 3)
    meta = {'model': {'arch': 'tiny', 'numbers': [1, 2.5, None]}}
    write_checkpoint(tmp_path / f'x{suffix}', {'a': shared.T, 'b': shared}, meta, beside={'pos': torch.ones(1)})
    found = read_checkpoint(tmp_path / f'x{suffix}')
    assert_close(found['state_dict'], {'a': shared.T, 'b': shared})
    assert found['meta'] == meta and found['reference_only'] == {'pos': torch.ones(1)}
    assert [path.name for path in tmp_path.iterdir()] == [f'x{suffix}']


def test_safetensors_under_any_name(tmp_path):
    write_checkpoint(tmp_path / 'x.safetensors', {'a': torch.ones(1)}, {})
    (tmp_path / 'x.safetensors').rename(tmp_path / 'x.pth')
    assert read_checkpoint(tmp_path / 'x.pth')['state_dict'] == {'a': torch.ones(1)}


@pytest.mark.parametrize('new', [True, False], ids=['zip', 'legacy'])
def test_runs_nothing(new, tmp_path):
    content = {'state_dict': {'a': torch.ones(1)}, 'meta': Touch(tmp_path / 'canary')}
    torch.save(content, tmp_path / 'x.pth', _use_new_zipfile_serialization=new)
    refused(tmp_path / 'x.pth', "x.pth names '(posix|nt|os).system'")
    (tmp_path / 'y.pth').write_bytes(pickle.dumps(content['meta']))
    refused(tmp_path / 'y.pth', 'neither a checkpoint of torch.save nor')
    assert not (tmp_path / 'canary').exists()


def test_old_torch_is_refused(tmp_path, monkeypatch):
    torch.save({'a': torch.ones(1)}, tmp_path / 'x.pth')
    monkeypatch.setattr(reading.torch, '__version__', torch.torch_version.TorchVersion('2.5.1'))
    refused(tmp_path / 'x.pth', r"2.5.1.*pip install 'torch>=2.6'")


def test_no_environment_switches_the_check_off(tmp_path, monkeypatch):
    monkeypatch.setenv('TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD', '1')
    monkeypatch.setattr(reading, 'check_zip', lambda *_: None)  # even where our own look is passed
    torch.save({'a': Touch(tmp_path / 'canary')}, tmp_path / 'x.pth')
    refused(tmp_path / 'x.pth', 'no checkpoint that torch can read safely')
    assert not (tmp_path / 'canary').exists()


@pytest.mark.parametrize(
    'content, match',
    [
        (b'', 'is empty'),
        (b'PK\x03\x04', 'damaged zip archive'),
        (b'\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.', 'no whole checkpoint of torch'),
        (b'<html>Not found</html>', 'neither a checkpoint'),
        (struct.pack('<Q', 2**60) + b'{}', 'its header would have'),
        (struct.pack('<Q', 2) + b'{', 'its header would have'),
        (struct.pack('<Q', 4) + b'{"a"', 'no whole safetensors file'),
    ],
)
def test_files_that_are_none(content, match, tmp_path):
    (tmp_path / 'x.pth').write_bytes(content)
    refused(tmp_path / 'x.pth', match)


def test_what_is_no_file(tmp_path):
    refused(tmp_path, 'is a folder')
    os.mkfifo(tmp_path / 'pipe')
    refused(tmp_path / 'pipe', 'device, pipe or socket')
    refused(Path('/dev/zero'), 'device, pipe or socket')
    with pytest.raises(FileNotFoundError, match='x.pth is not there'):
        read_checkpoint(tmp_path / 'x.pth')
    with pytest.raises(CheckpointError, match='cannot be fetched'):
        read_checkpoint('nosuch://x.pth')


@pytest.mark.parametrize('content', [[1], torch.ones(1), 'text', None], ids=['list', 'tensor', 'text', 'none'])
def test_what_is_no_dict(content, tmp_path):
    torch.save(content, tmp_path / 'x.pth')
    refused(tmp_path / 'x.pth', 'not weights of a network')
    read_plain(tmp_path / 'x.pth')


def test_truncated_anywhere(tmp_path):
    torch.save(CONTENT, tmp_path / 'x.pth')
    whole = (tmp_path / 'x.pth').read_bytes()
    for share in range(1, 20):
        (tmp_path / 'y.pth').write_bytes(whole[: len(whole) * share // 20])
        refused(tmp_path / 'y.pth', '')


def rezip(path: Path, compress: int = zipfile.ZIP_STORED, **changed: bytes) -> dict[str, bytes]:
    """A checkpoint's archive written again by another program, some of its entries changed."""
    with zipfile.ZipFile(path) as archive:
        entries = {entry.filename: archive.read(entry) for entry in archive.infolist()}
    with zipfile.ZipFile(path, 'w', compress) as archive:
        for name, content in entries.items():
            archive.writestr(name, changed.get(name.split('/', 1)[1].replace('.', '_').replace('/', '_'), content))
    return entries


def test_bombs(tmp_path):
    torch.save({'a': torch.zeros(10**6)}, tmp_path / 'x.pth')
    rezip(tmp_path / 'x.pth', zipfile.ZIP_DEFLATED)
    assert (tmp_path / 'x.pth').stat().st_size < 10_000
    refused(tmp_path / 'x.pth', 'is compressed')
    torch.save({'a': torch.zeros(1).expand(10**9)}, tmp_path / 'x.pth')
    refused(tmp_path / 'x.pth', 'claims to hold larger tensors than it does')
    torch.save({'a': torch.zeros(10**3)}, tmp_path / 'x.pth')
    with zipfile.ZipFile(tmp_path / 'x.pth') as archive:
        entry = archive.read('x/data.pkl')
    rezip(tmp_path / 'x.pth', data_pkl=entry.replace(struct.pack('<BH', ord('M'), 1000), b'J\xff\xff\xff\x7f'))
    refused(tmp_path / 'x.pth', 'torch can read safely')


def test_one_tensor_of_many_names(tmp_path):
    """Each name would be copied when the weights are converted or written; tied weights are few."""
    weight = torch.randn(1000, 100)
    tied = {f'layer{k}.weight': weight for k in range(10)}
    torch.save(dict(state_dict=tied), tmp_path / 'tied.pth')
    assert len(read_checkpoint(tmp_path / 'tied.pth')['state_dict']) == 10
    for views in ({str(k): weight for k in range(50)}, {str(k): weight[:500] for k in range(50)}):
        torch.save(dict(state_dict=views), tmp_path / 'views.pth')
        with pytest.raises(CheckpointError, match='so many names that they would take more than 16 times'):
            read_checkpoint(tmp_path / 'views.pth')


def test_messages_can_be_printed(tmp_path):
    path = tmp_path / 'a.pth'
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as archive:
        archive.writestr('x\x1b]0;PWNED\x07\nAll is well', 100 * b'a')
    with pytest.raises(CheckpointError) as raised:
        read_checkpoint(path)
    assert str(raised.value).isprintable() and r'x\x1b]0;PWNED\x07\nAll is well' in str(raised.value)


@pytest.mark.parametrize(
    'meta',
    [
        dict(dataset_meta=dict(palette=5)),
        dict(dataset_meta=dict(palette=torch.ones(2, 3))),
        dict(dataset_meta=dict(classes=['a'], palette=[[10**30, -5, 0]])),
        dict(dataset_meta=dict(palette='rainbow')),
        dict(dataset_meta=dict(CLASSES=5)),
        dict(dataset_meta={5: 1}),
        dict(dataset_meta=dict(classes=torch.ones(2))),
        dict(CLASSES=5),
        dict(CLASSES=['a'], PALETTE=5),
    ],
    ids=str,
)
def test_odd_names_and_colours(meta, tmp_path):
    torch.save(dict(state_dict=dict(w=torch.ones(2)), meta=meta), tmp_path / 'a.pth')
    with pytest.raises(CheckpointError, match=r'a\.pth: its dataset_meta '):
        read_weights(tmp_path / 'a.pth')


@pytest.mark.parametrize(
    'meta',
    [
        dict(),
        dict(dataset_meta=dict(CLASSES=('a', 'b'), PALETTE=[[0, 0, 255]])),
        dict(dataset_meta=dict(palette='coco')),
    ],
    ids=str,
)
def test_names_and_colours(meta, tmp_path):
    torch.save(dict(state_dict=dict(w=torch.ones(2)), meta=meta), tmp_path / 'a.pth')
    assert list(read_weights(tmp_path / 'a.pth')) == ['w']


def test_weights_of_a_compiled_module_name_the_mend(tmp_path):
    torch.save(torch.compile(torch.nn.Linear(2, 2)).state_dict(), tmp_path / 'a.pth')
    with pytest.raises(CheckpointError, match=r'a\.pth: .*_orig_mod.*save model\._orig_mod\.state_dict\(\) instead'):
        read_weights(tmp_path / 'a.pth')


def test_archives_that_two_readers_read_differently(tmp_path):
    torch.save({'a': torch.zeros(2)}, tmp_path / 'x.pth')
    whole = (tmp_path / 'x.pth').read_bytes()
    (tmp_path / 'y.pth').write_bytes(whole + b'more')
    refused(tmp_path / 'y.pth', 'bytes before|damaged')
    (tmp_path / 'y.pth').write_bytes(whole[:4] + whole)
    refused(tmp_path / 'y.pth', 'bytes before|damaged')
    with zipfile.ZipFile(tmp_path / 'x.pth', 'a') as archive:
        archive.writestr('x/DATA.pkl', b'.')
    refused(tmp_path / 'x.pth', 'two entries of one name')


def with_end64(whole: bytes) -> bytes:
    """A zip archive whose directory ends with numbers of 64 bits, as those of torch do."""
    _, _, _, count, _, length, start, _ = END.unpack(whole[-END.size :])
    end64 = END64.pack(b'PK\x06\x06', END64.size - 12, 45, 45, 0, 0, count, count, length, start)
    locator = LOCATOR.pack(b'PK\x06\x07', 0, start + length, 1)
    end = END.pack(b'PK\x05\x06', 0, 0, 2**16 - 1, 2**16 - 1, 2**32 - 1, 2**32 - 1, 0)
    return whole[: -END.size] + end64 + locator + end


def test_directories_are_bounded_before_they_are_parsed(tmp_path, monkeypatch):
    count = archives.MAX_ENTRIES + 1
    directory = b'PK\x01\x02'.ljust(46, b'\0') * count
    end = END.pack(b'PK\x05\x06', 0, 0, 1, 1, len(directory), 4, 0)  # the count may be a lie
    many = b'PK\x03\x04' + directory + end
    torch.save(CONTENT, tmp_path / 'x.pth')
    small = (tmp_path / 'x.pth').read_bytes()
    with monkeypatch.context() as without:
        without.setattr(zipfile, 'ZipFile', None)
        for whole in (many, with_end64(many)):
            (tmp_path / 'y.pth').write_bytes(whole)
            refused(tmp_path / 'y.pth', f'{count} entries are over')
            with pytest.raises(CheckpointError, match=f'{count} entries are over'):
                check_unread(tmp_path / 'y.pth')
        without.setattr(archives, 'MAX_ENTRIES', 1)
        refused(tmp_path / 'x.pth', r'its directory of \d+ bytes is over 256')
        place = len(small) - END.size - LOCATOR.size
        sign, disk, told, disks = LOCATOR.unpack_from(small, place)
        moved = LOCATOR.pack(sign, disk, told - 1, disks)
        (tmp_path / 'y.pth').write_bytes(small[:place] + moved + small[-END.size :])
        refused(tmp_path / 'y.pth', 'not where it says')
    rezip(tmp_path / 'x.pth')  # by zipfile, which writes numbers of 64 bits only where they are needed
    assert LOCATOR.unpack_from((tmp_path / 'x.pth').read_bytes()[-END.size - LOCATOR.size :])[0] != b'PK\x06\x07'
    assert read_checkpoint(tmp_path / 'x.pth')['meta'] == CONTENT['meta']


def test_data_without_end(tmp_path):
    nested: list = []
    for _ in range(60):
        nested = [nested]
    torch.save({'a': nested}, tmp_path / 'x.pth')
    refused(tmp_path / 'x.pth', 'more than 32 levels')
    doubled: list = [0]
    for _ in range(30):  # a billion zeros, of thirty lists
        doubled = [doubled, doubled]
    torch.save({'a': doubled}, tmp_path / 'x.pth')
    refused(tmp_path / 'x.pth', 'more than 1048576 values')


BOMBS = {name: write for name, write in bombs() if name in {
    'a key of 300,000 tuples in each other', 'a key of a quintillion tuples', 'a key in a set of 300,000 tuples',
    'a storage whose key is 300,000 tuples', 'numbers of one hash', 'a hundred thousand sets of one list',
    'set of an expanded tensor',
}}  # fmt: skip


@pytest.mark.parametrize('name', BOMBS)
def test_what_unpickling_would_hash_or_repeat_without_end(name, tmp_path):
    """Without the check, three of these end the process and the others take minutes to years."""
    BOMBS[name](tmp_path / 'x.pth')
    refused(tmp_path / 'x.pth', r'its pickle (has|makes|gives) .*, which no training saves')
    with pytest.raises(CheckpointError, match='which no training saves'):
        check_unread(tmp_path / 'x.pth')


def test_keys_of_one_hash_that_take_long_to_compare(tmp_path):
    """Equal long strings come first, and all these numbers have the hash -2, however hashes are salted."""
    numbers = list(itertools.product((-1, -2), repeat=11))
    for text, keys in ((' ', numbers * 3), ('a' * 2**17, numbers[:1000])):
        torch.save({(text, *key, k % 3): 0 for k, key in enumerate(keys)}, tmp_path / 'x.pth')
        refused(tmp_path / 'x.pth', 'too many tuples .*: in a file of your own, keep them as strings or in lists; take')
    few = {(text, *key): 0 for key in numbers[:50]}
    torch.save([few] * 2 + [{(k, j): 0 for j in range(300)} for k in range(100)], tmp_path / 'x.pth')
    check_unread(tmp_path / 'x.pth')


def test_keys_that_trainings_save(tmp_path):
    content = {'old_ids': {2**47 + k: k for k in range(1000)}, 'few': {(k, (k, 'a')): {k} for k in range(40)}}
    content |= {'pairs': {(k, k): k for k in range(3000)}, 'seen': {(k, 'a') for k in range(3000)}}
    content |= {'large': {2**80: 1}, 'plain': {None: 1, 2.5: 2, True: 4}, 'count': Counter('abca')}
    torch.save(content, tmp_path / 'x.pth')
    assert read_checkpoint(tmp_path / 'x.pth') == content


def test_a_large_run_is_within_the_bounds(tmp_path):
    """Weights and two states of an optimizer for each of 3,000 parameters."""
    weights = OrderedDict((f'blocks.{k}.weight', torch.nn.Parameter(torch.zeros(1))) for k in range(3000))
    weights._metadata = OrderedDict((f'blocks.{k}', {'version': 1}) for k in range(3000))
    state = {
        k: {'step': torch.tensor(1.0), 'exp_avg': torch.zeros(1), 'exp_avg_sq': torch.zeros(1)} for k in range(3000)
    }
    groups = [{'params': [k], 'betas': (0.9, 0.999)} for k in range(3000)]
    torch.save({'state_dict': weights, 'optimizer': {'state': state, 'param_groups': groups}}, tmp_path / 'x.pth')
    assert len(read_checkpoint(tmp_path / 'x.pth')['optimizer']['state']) == 3000


def test_attributes_hide_no_methods(tmp_path):
    state = OrderedDict(a=torch.ones(1))
    state.__dict__.update(get=1, keys=2, values=3)
    torch.save(state, tmp_path / 'x.pth')
    assert read_checkpoint(tmp_path / 'x.pth') == {'a': torch.ones(1)}


@pytest.mark.parametrize('suffix', ['.pth', '.safetensors'])
def test_the_hash_in_a_name(suffix, tmp_path):
    write_checkpoint(tmp_path / f'x{suffix}', {'a': torch.ones(64)}, {})
    content = (tmp_path / f'x{suffix}').read_bytes()
    named = tmp_path / f'x-{hashlib.sha256(content).hexdigest()[:8]}{suffix}'
    named.write_bytes(content)
    read_checkpoint(named)
    named.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    refused(named, 'damaged or was changed: its SHA-256 begins')
    (tmp_path / f'x-20260131{suffix}').write_bytes(content)  # a date
    read_checkpoint(tmp_path / f'x-20260131{suffix}')


def safetensors(header: dict, data: bytes = b'\0' * 16) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack('<Q', len(text)) + text + data


@pytest.mark.parametrize(
    'header',
    [
        {'a': {'dtype': 'F32', 'shape': [4], 'data_offsets': [0, 12]}},
        {'a': {'dtype': 'F32', 'shape': [4], 'data_offsets': [0, 10**9]}},
        {'a': {'dtype': 'F32', 'shape': [10**9, 10**9, 10**9], 'data_offsets': [0, 16]}},
        {f'{k}': {'dtype': 'F32', 'shape': [4], 'data_offsets': [0, 16]} for k in range(2)},
        {'a': {'dtype': 'os.system', 'shape': [4], 'data_offsets': [0, 16]}},
        {'a': {'dtype': 'F32', 'shape': [-4], 'data_offsets': [0, 16]}},
        {'a': 1},
    ],
    ids=['short', 'beyond', 'overflow', 'overlap', 'type', 'negative', 'number'],
)
def test_safetensors_that_lie(header, tmp_path):
    (tmp_path / 'x.safetensors').write_bytes(safetensors(header))
    refused(tmp_path / 'x.safetensors', 'no whole safetensors file')


@pytest.mark.parametrize('meta', ['[' * 10**5, '{"a": NaN}', '7', 'x', '1' * 10**5])
def test_metadata_that_is_none(meta, tmp_path):
    header = {'__metadata__': {'mmdefusion': meta}, 'a': {'dtype': 'F32', 'shape': [4], 'data_offsets': [0, 16]}}
    (tmp_path / 'x.safetensors').write_bytes(safetensors(header))
    refused(tmp_path / 'x.safetensors', "its metadata 'mmdefusion' is")


def test_nothing_half_written(tmp_path, monkeypatch):
    (tmp_path / 'x.pth').write_bytes(b'before')

    def fail(content, path) -> None:
        Path(path).write_bytes(b'half')
        raise RuntimeError('no space left')

    monkeypatch.setattr(torch, 'save', fail)
    with pytest.raises(OSError, match=r'x.pth cannot be written \(no space left\)'):
        write_checkpoint(tmp_path / 'x.pth', {'a': torch.ones(1)}, {})
    assert (tmp_path / 'x.pth').read_bytes() == b'before' and len(list(tmp_path.iterdir())) == 1


def test_a_buffer_is_no_path() -> None:
    with pytest.raises(TypeError):
        read_checkpoint(io.BytesIO())
