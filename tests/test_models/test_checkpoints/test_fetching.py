"""Checkpoints of a hub and of URLs: fetched once, bounded, compared with their hashes, and one line where it fails."""

import hashlib
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from helpers.fake_hub import COMMIT, FakeHub, Served, fake_hub
from helpers.pretraining import build, cud_config
from helpers.tools_in_process import fail
from mmengine.runner import load_checkpoint

import mmdefusion.models.registered  # noqa: F401
from mmdefusion import FusionInferencer
from mmdefusion.models.checkpoints import fetching
from mmdefusion.models.checkpoints.errors import CheckpointError
from mmdefusion.models.checkpoints.fetching import local_path
from mmdefusion.models.checkpoints.reading import read_checkpoint
from mmdefusion.models.checkpoints.writing import write_checkpoint
from mmdefusion.utils import downloads

FUSE = Path(__file__).resolve().parents[3] / 'tools/fuse.py'
REPO = 'fusion/tiny'


@pytest.fixture
def hub(tmp_path, monkeypatch) -> Iterator[FakeHub]:
    huggingface = pytest.importorskip('huggingface_hub')
    monkeypatch.setattr(huggingface.constants, 'HF_HUB_CACHE', str(tmp_path / 'cache'))
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'torch'))
    with fake_hub() as server:
        monkeypatch.setenv('HF_ENDPOINT', server.address)
        yield server


@pytest.fixture
def content(tmp_path) -> bytes:
    write_checkpoint(tmp_path / 'x.pth', {'weight': torch.arange(4.0)}, {})
    return (tmp_path / 'x.pth').read_bytes()


def refused(source: str, *said: str) -> None:
    with pytest.raises(CheckpointError) as raised:
        read_checkpoint(source)
    assert all(text in str(raised.value) for text in said), raised.value
    assert '\n' not in str(raised.value)


@pytest.mark.parametrize('lfs', [True, False], ids=['lfs', 'git'])
@pytest.mark.parametrize('revision', ['', '@main', f'@{COMMIT}'])
def test_read_by_name(hub, content, lfs, revision):
    hub.files[f'{REPO}/deep/x.pth'] = Served(content, lfs=lfs)
    for _ in range(2):
        state = read_checkpoint(f'hf://{REPO}{revision}/deep/x.pth')['state_dict']
        assert state['weight'].tolist() == [0, 1, 2, 3]
    assert sum(line.startswith('GET') for line in hub.asked) == 1


@pytest.mark.parametrize('page', ['resolve/main/x.pth?download=true', 'blob/main/x.pth', f'resolve/{COMMIT}/x.pth'])
def test_read_by_the_address_of_its_page(hub, content, page):
    hub.files[f'{REPO}/x.pth'] = Served(content)
    assert list(read_checkpoint(f'{hub.address}/{REPO}/{page}')['state_dict']) == ['weight']


def without_links(monkeypatch) -> None:
    """As on Windows without developer mode: huggingface_hub then moves what it fetched out of its blobs."""
    monkeypatch.setattr('huggingface_hub.file_download.are_symlinks_supported', lambda *_: False)


@pytest.mark.parametrize('lfs', [True, False], ids=['lfs', 'git'])
@pytest.mark.parametrize('revision', ['', f'@{COMMIT}'])
def test_read_where_the_cache_has_no_links(hub, content, lfs, revision, monkeypatch):
    without_links(monkeypatch)
    hub.files[f'{REPO}/deep/x.pth'] = Served(content, lfs=lfs)
    for _ in range(2):
        assert list(read_checkpoint(f'hf://{REPO}{revision}/deep/x.pth')['state_dict']) == ['weight']
    assert sum(line.startswith('GET') for line in hub.asked) == 1
    hub.files[f'{REPO}/y.pth'] = Served(content, lfs=lfs, sent=content[:-1] + bytes([content[-1] ^ 1]))
    refused(f'hf://{REPO}{revision}/y.pth', 'is damaged or was changed', 'the hub says', 'fetch it again')
    hub.files[f'{REPO}/z.pth'] = Served(content, etag='weak')
    refused(f'hf://{REPO}{revision}/z.pth', 'there is no hash to compare')


def test_a_cache_without_links_needs_the_hub(hub, content, monkeypatch):
    without_links(monkeypatch)
    hub.files[f'{REPO}/x.pth'] = Served(content)
    path = local_path(f'hf://{REPO}/x.pth')
    monkeypatch.setenv('HF_ENDPOINT', 'http://127.0.0.1:9')  # nobody listens
    monkeypatch.setattr('time.sleep', lambda seconds: None)  # huggingface_hub tries five times
    refused(f'hf://{REPO}/x.pth', 'without symbolic links', f'give {path} if you trust it')
    assert list(read_checkpoint(path)['state_dict']) == ['weight']


def test_read_without_the_hub_once_it_was_fetched(hub, content, monkeypatch):
    monkeypatch.setattr('huggingface_hub.constants.HF_HUB_DISABLE_SYMLINKS', False)
    hub.files[f'{REPO}/x.pth'] = Served(content)
    path = local_path(f'hf://{REPO}/x.pth')
    hub.files.clear()
    monkeypatch.setenv('HF_ENDPOINT', 'http://127.0.0.1:9')  # nobody listens
    monkeypatch.setattr('time.sleep', lambda seconds: None)  # huggingface_hub tries five times
    assert local_path(f'hf://{REPO}/x.pth') == path
    refused(f'hf://{REPO}/y.pth', 'cannot be reached', f'`hf download {REPO} y.pth`', 'or give the path of a file')


@pytest.mark.parametrize(
    ('name', 'said'),
    [
        ('hf://nobody/x/x.pth', 'has no repository nobody/x'),
        (f'hf://{REPO}@v9/x.pth', f'{REPO} has no revision v9'),
        (f'hf://{REPO}/y.pth', f'{REPO} has no file y.pth in revision main'),
        ('hf://x.pth', 'write hf://OWNER/REPO/FILE'),
        (f'hf://{REPO}', 'write hf://OWNER/REPO/FILE'),
        ('hf://-bad-/..x/x.pth', 'cannot be fetched: Repo id must'),
    ],
)
def test_names_that_are_not_there(hub, content, name, said):
    hub.files[f'{REPO}/x.pth'] = Served(content)
    refused(name, said)


def test_without_huggingface_hub(monkeypatch):
    monkeypatch.setitem(sys.modules, 'huggingface_hub', None)
    refused(
        f'hf://{REPO}/x.pth',
        "pip install 'huggingface_hub>=1.0'",
        "pip install '.[hub]' in the checkout",
        'or give the path of a file',
    )


def test_what_is_not_what_the_hub_told(hub, content):
    changed = content[:-1] + bytes([content[-1] ^ 1])
    hub.files[f'{REPO}/x.pth'] = Served(content, sent=changed)
    refused(f'hf://{REPO}/x.pth', 'is damaged or was changed', 'the hub says', 'fetch it again')
    hub.files[f'{REPO}/y.pth'] = Served(content, etag='weak')
    refused(f'hf://{REPO}/y.pth', 'there is no hash to compare')
    wrong = 'x-0badc0de.pth'  # the hub's own hash is right, that in the name is not
    hub.files[f'{REPO}/{wrong}'] = Served(changed)
    refused(f'hf://{REPO}/{wrong}', 'its name says 0badc0de')


def test_no_more_than_was_announced(hub, content, monkeypatch):
    hub.files[f'{REPO}/x.pth'] = Served(content, sent=content + bytes(2**24))
    refused(f'hf://{REPO}/x.pth', 'sends more than it announced')
    monkeypatch.setattr(downloads, 'MAX_BYTES', 100)
    hub.files[f'{REPO}/y.pth'] = Served(content)
    refused(f'hf://{REPO}/y.pth', 'than 100 bytes')
    refused(f'{hub.address}/plain/repo/x.pth', 'cannot be fetched: its server says 404')
    refused(f'{hub.address}/{REPO}/x.pth', 'larger than 100 bytes')


def test_wherever_a_checkpoint_is_named(hub, tmp_path):
    """By MMEngine's ``load_from`` and ``init_cfg``, by the inferencer and by a tool."""
    config = cud_config()
    write_checkpoint(tmp_path / 'x.safetensors', build(config).state_dict(), {'cfg': f'model = {config!r}'})
    hub.files[f'{REPO}/x.safetensors'] = Served((tmp_path / 'x.safetensors').read_bytes())
    name, key = f'hf://{REPO}/x.safetensors', 'backbone.cls_token'
    expected = read_checkpoint(name)['state_dict'][key]
    assert torch.equal(load_checkpoint(torch.nn.Module(), name)['state_dict'][key], expected)
    assert torch.equal(FusionInferencer(name, device='cpu').model.state_dict()[key], expected)
    said = fail(FUSE, 'vi.png', 'ir.png', '--weights', f'hf://{REPO}/y.onnx', cwd=tmp_path)
    assert 'has no file y.onnx' in said


@pytest.mark.parametrize('name', ['x.pth?download=1', 'named'])
def test_a_url_is_fetched_once(hub, content, name):
    name = name.replace('named', f'x-{hashlib.sha256(content).hexdigest()[:8]}.pth')
    file = name.split('?')[0]
    hub.files[f'plain/one/{file}'] = hub.files[f'plain/two/{file}'] = Served(content)
    for _ in range(2):
        assert 'weight' in read_checkpoint(f'{hub.address}/plain/one/{name}')['state_dict']
    assert hub.asked == [f'GET /plain/one/{name}']
    read_checkpoint(f'{hub.address}/plain/two/{name}')  # another file, unless its name holds its hash
    assert len(hub.asked) == (1 if '-' in name else 2)


def test_urls_that_fail(hub, content):
    hub.files['plain/one/x.pth'] = Served(content, sent=content[:-9])
    refused(f'{hub.address}/plain/one/x.pth', 'damaged zip archive')  # its end was not announced
    refused('http://127.0.0.1:9/x.pth', 'cannot be fetched', 'without a network, give the path of a file')
    refused(f'{hub.address}', 'names no file')
    refused('http://[/x.pth', 'is no URL')
    assert not [path for path in Path(torch.hub.get_dir()).rglob('.*') if path.is_file()]


def test_a_url_whose_hash_is_wrong_is_not_kept(hub, content):
    url = f'{hub.address}/plain/one/x-0badc0de.pth'
    hub.files['plain/one/x-0badc0de.pth'] = Served(content)
    for _ in range(2):
        refused(url, 'its name says 0badc0de')
    assert len(hub.asked) == 2


def test_processes_of_one_machine_fetch_a_file_once(tmp_path, monkeypatch):
    """Eight processes of a training start at once; their locks are those of files that each opens itself."""
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'torch'))
    asked = []

    def slow(url, target):
        asked.append(url)
        time.sleep(0.2)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(b'weights')

    monkeypatch.setattr(fetching, 'download', slow)
    with ThreadPoolExecutor(8) as pool:
        paths = {*pool.map(local_path, ['https://example.org/x.pth'] * 8)}
    assert asked == ['https://example.org/x.pth'] and len(paths) == 1
    assert [path.name for path in paths.pop().parent.iterdir()] == ['x.pth']
    monkeypatch.setattr(downloads, 'fcntl', None)  # a system without such locks
    assert local_path('https://example.org/y.pth').read_bytes() == b'weights'
