import io
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
import torch
from helpers.pretraining import write_images
from mmengine import fileio
from torch.testing import assert_close
from torch.utils.data import DataLoader

from mmdefusion.datasets.pretraining import ImageFolders, PairFolders
from mmdefusion.datasets.samplers import Draw
from mmdefusion.datasets.tar_backend import TarBackend
from mmdefusion.utils.image_headers import UnusableImage
from mmdefusion.utils.image_io import read_image
from mmdefusion.utils.measuring import PeakMemory

TAR = dict(backend='mmdefusion.tar')
PIPELINE = [
    dict(type='mmdefusion.LoadAnyImage', backend_args=TAR),
    dict(type='mmdefusion.RandomResizedCrop', size=24),
    dict(type='mmdefusion.PackImages'),
]


def pack(folder: Path, archive: Path, mode: str = 'w') -> Path:
    archive.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive, mode) as file:
        for path in sorted(folder.rglob('*')):
            file.add(path, path.relative_to(folder))
    return archive


def build(root: Path, *folders: str) -> ImageFolders:
    return ImageFolders(list(folders), data_root=str(root), pipeline=PIPELINE, backend_args=TAR)


@pytest.mark.parametrize('where', ['shards', 'shards/0.tar', 'shards/0.tar/a'])
@pytest.mark.parametrize('workers', [0, 2])
def test_images_of_shards_are_those_of_the_folder(tmp_path, where, workers):
    write_images(tmp_path / 'plain/a', 3)
    pack(tmp_path / 'plain', tmp_path / 'shards/0.tar')
    shards, plain = build(tmp_path, where), build(tmp_path, 'plain')
    draws = [Draw(index, seed=index) for index in range(3)]
    loaded = DataLoader(shards, sampler=draws, num_workers=workers, batch_size=None)
    for ours, draw in zip(loaded, draws, strict=True):
        assert_close(ours['inputs'], plain[draw]['inputs'], rtol=0, atol=0)


def test_pairs_lie_in_shards_too(tmp_path):
    for seed, name in enumerate(('vi', 'ir')):
        write_images(tmp_path / 'plain' / name, 2, seed=seed)
    pack(tmp_path / 'plain', tmp_path / 'pairs.tar')
    steps = [PIPELINE[0], dict(type='mmdefusion.AppendPartner', backend_args=TAR)]
    options = dict(data_root=str(tmp_path), pipeline=steps, backend_args=TAR)
    pairs = PairFolders('pairs.tar/vi', partners=['pairs.tar/ir'], **options)
    assert [Path(pairs.get_data_info(1)[key]).parent.name for key in ('img_path', 'img_ir_path')] == ['vi', 'ir']
    assert pairs[1]['img'].shape[2] == 4


def test_several_archives_of_a_folder_are_one_series(tmp_path):
    for name in ('0', '1'):
        write_images(tmp_path / name, 2)
        pack(tmp_path / name, tmp_path / f'shards/{name}.tar')
    found = build(tmp_path, 'shards')
    paths = [found.get_data_info(index)['img_path'] for index in range(len(found))]
    assert [path.removeprefix(f'{tmp_path}/shards/') for path in paths] == [
        '0.tar/000.png',
        '0.tar/001.png',
        '1.tar/000.png',
        '1.tar/001.png',
    ]


def test_texts_and_local_files(tmp_path):
    (tmp_path / 'in').mkdir()
    (tmp_path / 'in/notes.txt').write_text('ö')
    archive = pack(tmp_path / 'in', tmp_path / 'a.tar')
    assert fileio.get_text(f'{archive}/notes.txt', backend_args=TAR) == 'ö'
    assert fileio.get_text(tmp_path / 'in/notes.txt', backend_args=TAR) == 'ö'
    with fileio.get_local_path(f'{archive}/notes.txt', backend_args=TAR) as path:
        assert Path(path).read_text() == 'ö'
    assert fileio.exists(str(archive), backend_args=TAR) and fileio.exists(f'{archive}/notes.txt', backend_args=TAR)
    assert not fileio.exists(f'{archive}/no.txt', backend_args=TAR)
    assert not fileio.exists(str(tmp_path / 'no.tar'), backend_args=TAR)
    with pytest.raises(FileNotFoundError, match=r'no\.txt is not in .*a\.tar'):
        fileio.get(f'{archive}/no.txt', backend_args=TAR)


def test_links_and_names_that_lead_elsewhere_give_nothing(tmp_path):
    (tmp_path / 'secret.txt').write_text('secret')
    with tarfile.open(tmp_path / 'a.tar', 'w') as file:
        link = tarfile.TarInfo('link.txt')
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path / 'secret.txt')
        file.addfile(link)
        outside = tarfile.TarInfo('../secret.txt')
        outside.size = 5
        file.addfile(outside, io.BytesIO(b'inner'))
    backend = TarBackend()
    assert list(backend.list_dir_or_file(tmp_path / 'a.tar')) == ['../secret.txt']
    assert backend.get(f'{tmp_path}/a.tar/../secret.txt') == b'inner'  # a name in the archive, not a way out of it
    with pytest.raises(FileNotFoundError, match=r'link\.txt is not in'):
        backend.get(f'{tmp_path}/a.tar/link.txt')


@pytest.mark.parametrize('damage', ['compressed', 'text', 'cut'])
def test_what_is_no_plain_archive_is_named(tmp_path, damage):
    write_images(tmp_path / 'in', 2)
    archive = pack(tmp_path / 'in', tmp_path / 'a.tar', 'w:gz' if damage == 'compressed' else 'w')
    if damage == 'text':
        archive.write_text('no archive ' * 200)
    if damage == 'cut':
        archive.write_bytes(archive.read_bytes()[: 512 + 100])
    if damage == 'cut':  # the table ends there; the image is found to be cut when it is read
        with pytest.raises(ValueError, match='cut short|no plain tar file'):
            build(tmp_path, 'a.tar')[0]
    else:
        with pytest.raises(ValueError, match=r'a\.tar is no plain tar file .* pack it anew'):
            build(tmp_path, 'a.tar')
    assert torch.is_tensor(build(tmp_path, str(pack(tmp_path / 'in', tmp_path / 'b.tar')))[0]['inputs'])


def header(name: str, size: int, kind: bytes = b'0') -> bytes:
    """A header whose size may be any number, also one that no archive can have."""
    block = bytearray(tarfile.TarInfo(name).tobuf(format=tarfile.GNU_FORMAT))
    block[124:136] = (b'\xff' if size < 0 else b'\x80') + (size % 2**88).to_bytes(11, 'big')
    block[148:157] = b' ' * 8 + kind
    block[148:156] = b'%06o\0 ' % sum(block)
    return bytes(block)


def pax(text: bytes) -> bytes:
    return header('pax', len(text), b'x') + text.ljust(512, b'\0')


END = bytes(1024)
HOSTILE = {
    'leads back': header('a.png', 0) + header('b.png', -512) + END,
    'leads back by PAX': header('a.png', 0) + pax(b'13 size=-512\n') + header('b.png', 0) + END,
    'size that is negative first': header('a.png', -512) + END,
    'PAX header of 16 GB': header('p', 16 * 2**30, b'x') + END,
    'PAX header of 10^15 bytes': header('p', 2**50, b'x') + END,
    'name of 10^15 bytes': header('p', 2**50, b'L') + END,
    'sparse file of 10^15 bytes': header('p', 2**50, b'S') + END,
    'sparse file far away': header('p', 2**70, b'S') + END,
    'beyond the end by PAX': pax(b'20 size=99999999999\n') + header('b.png', 0) + END,
    'headers of headers': header('p', 0, b'L') * 3000 + END,
}


@pytest.mark.parametrize('name', HOSTILE)
def test_sizes_in_headers_are_those_of_the_file(tmp_path, name):
    archive = tmp_path / 'a.tar'
    archive.write_bytes(HOSTILE[name])
    memory = PeakMemory(torch.device('cpu'))
    memory.reset()
    before = memory.read()
    with pytest.raises(ValueError, match=r'a\.tar is no plain tar file \(.+\): pack it anew') as caught:
        next(iter(TarBackend().list_dir_or_file(archive)))
    assert '\n' not in str(caught.value)
    assert memory.read() - before < 5e7


@pytest.mark.skipif(not shutil.which('tar'), reason='there is no tar that packs sparse files')
@pytest.mark.parametrize('form', ['gnu', 'pax'])
def test_a_sparse_file_is_left_out_and_the_others_are_read(tmp_path, form):
    (tmp_path / 'a.png').write_bytes(b'content')
    with (tmp_path / 'hole.bin').open('wb') as file:
        file.truncate(10**7)
        file.seek(10**7 - 1)
        file.write(b'1')
    subprocess.run(['tar', '-S', f'--format={form}', '-cf', 'a.tar', 'hole.bin', 'a.png'], cwd=tmp_path, check=True)
    backend = TarBackend()
    assert list(backend.list_dir_or_file(tmp_path / 'a.tar')) == ['a.png']
    assert backend.get(tmp_path / 'a.tar/a.png') == b'content'


@pytest.mark.parametrize('form', [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT])
def test_long_names_and_every_format_of_tarfile_are_read(tmp_path, form):
    name = f'{"ö" * 30}/{"b" * 80}.png'
    with tarfile.open(tmp_path / 'a.tar', 'w', format=form) as file:
        for path in ('empty.png', name):
            one = tarfile.TarInfo(path)
            one.size = 3 * (path == name)
            file.addfile(one, io.BytesIO(b'abc'))
    backend = TarBackend()
    assert list(backend.list_dir_or_file(tmp_path / 'a.tar')) == ['empty.png', name]
    assert backend.get(f'{tmp_path}/a.tar/{name}') == b'abc'


def test_an_absent_archive_is_no_broken_one(tmp_path):
    with pytest.raises(FileNotFoundError):
        TarBackend().get(f'{tmp_path}/no.tar/a.png')


def test_a_member_is_no_larger_than_an_image_may_be(tmp_path, monkeypatch):
    """A sparse archive takes no place on the disk, whatever its members claim."""
    with tarfile.open(tmp_path / 'a.tar', 'w') as archive:
        member = tarfile.TarInfo('vi/a.png')
        member.size = 64 * 2**20
        archive.addfile(member, io.BytesIO(bytes(member.size)))
    monkeypatch.setenv('MMDEFUSION_MAX_PIXELS', '1000')
    with pytest.raises(UnusableImage, match=r'a\.tar/vi/a\.png has 67108864 bytes, too many for 1000 pixels'):
        read_image(str(tmp_path / 'a.tar/vi/a.png'), backend_args=dict(backend='mmdefusion.tar'))
