"""Detection and segmentation out of tar archives and LMDB databases, and what is wrong with a database."""

import os
import shutil
import tarfile
from pathlib import Path

import pytest
import torch
from helpers import layouts
from mmengine import fileio
from torch.utils.data import DataLoader

from mmdefusion.datasets import (
    lmdb_backend,
    registered,  # noqa: F401  (the backends)
)
from mmdefusion.datasets.lmdb_backend import open_database
from mmdefusion.datasets.pretraining import ImageFolders, PairFolders

lmdb = pytest.importorskip('lmdb')

LMDB = dict(backend='mmdefusion.lmdb')


def pack_tar(folder: Path, archive: Path) -> None:
    with tarfile.open(archive, 'w') as file:
        file.add(folder, '.')


def pack_lmdb(folder: Path, archive: Path, subdir: bool = True) -> None:
    with lmdb.open(str(archive), map_size=2**26, subdir=subdir) as database, database.begin(write=True) as writing:
        for path in folder.rglob('*.png'):
            writing.put(str(path.relative_to(folder)).encode(), path.read_bytes())


KINDS = {'tar': pack_tar, 'lmdb': pack_lmdb}


def detection(root: Path, where: str, pipeline: list[dict], **options):
    pytest.importorskip('mmdet')
    from mmdefusion.datasets.detection import PairedCocoDataset

    prefix = dict(img=f'{where}vi/', img_ir=f'{where}ir/')
    meta = dict(classes=('person', 'bicycle', 'car'))
    return PairedCocoDataset(
        data_root=str(root), ann_file='train.json', data_prefix=prefix, metainfo=meta, pipeline=pipeline, **options
    )


def segmentation(root: Path, where: str, pipeline: list[dict], **options):
    pytest.importorskip('mmseg')
    from mmdefusion.datasets.segmentation import PairedSegDataset

    prefix = dict(img_path=f'{where}vi', img_ir_path=f'{where}ir', seg_map_path=f'{where}labels')
    meta = dict(classes=('a', 'b', 'c'))
    return PairedSegDataset(data_root=str(root), data_prefix=prefix, metainfo=meta, pipeline=pipeline, **options)


def truth(sample) -> torch.Tensor:
    return sample.gt_instances.bboxes.tensor if 'gt_instances' in sample else sample.gt_sem_seg.data


def through(pipeline: list[dict], backend_args: dict) -> list[dict]:
    """A pipeline whose steps read by a backend. Its flip is certain, so that samples can be compared."""
    reading = ('LoadImageFromFile', 'mmdefusion.AppendPartner', 'mmseg.LoadAnnotations')
    steps = [dict(step, backend_args=backend_args) if step['type'] in reading else step for step in pipeline]
    return [step for step in steps if step['type'] != 'mmseg.RandomCrop']


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('task', ['detection', 'segmentation'])
@pytest.mark.parametrize('workers', [0, 2])
def test_samples_are_those_of_the_folders(tmp_path: Path, request, kind: str, task: str, workers: int) -> None:
    """In processes too that are forked after the archive was opened."""
    write = layouts.coco if task == 'detection' else lambda root: layouts.segmentation(root, 'vi', 'ir', 'labels', 3)
    build, pipeline = (detection, 'det') if task == 'detection' else (segmentation, 'seg')
    pipeline, args = request.getfixturevalue(f'{pipeline}_pipeline'), dict(backend=f'mmdefusion.{kind}')
    write(tmp_path)
    plain = build(tmp_path, '', through(pipeline, None))
    KINDS[kind](tmp_path, tmp_path / f'pairs.{kind}')
    packed = build(tmp_path, f'pairs.{kind}/', through(pipeline, args), backend_args=args)
    assert len(packed) == len(plain) == 3 and packed[0]['inputs'].shape[0] == 4
    for ours, theirs in zip(DataLoader(packed, batch_size=None, num_workers=workers), plain, strict=True):
        assert torch.equal(ours['inputs'], theirs['inputs'])
        found, wanted = (truth(sample['data_samples']) for sample in (ours, theirs))
        assert torch.equal(found, wanted) and found.numel()


@pytest.mark.parametrize('kind', KINDS)
def test_images_of_any_ending_with_boxes_in_xml(tmp_path: Path, kind: str) -> None:
    pytest.importorskip('mmdet')
    from mmdefusion.datasets.detection import PairedXMLDataset

    layouts.m3fd(tmp_path)
    for path in (tmp_path / 'Vis').iterdir():
        path.rename(path.with_suffix('.PNG'))
    with tarfile.open(tmp_path / 'pairs.tar', 'w') as file:
        file.add(tmp_path / 'Vis', 'Vis')
        file.add(tmp_path / 'Annotation', 'Annotation')
    with lmdb.open(str(tmp_path / 'pairs.lmdb'), map_size=2**26) as database, database.begin(write=True) as writing:
        for path in [*(tmp_path / 'Vis').iterdir(), *(tmp_path / 'Annotation').iterdir()]:
            writing.put(str(path.relative_to(tmp_path)).encode(), path.read_bytes())
    prefix = {key: f'pairs.{kind}/{folder}' for key, folder in dict(img='Vis', img_ir='Vis', ann='Annotation').items()}
    dataset = PairedXMLDataset(
        data_root=str(tmp_path),
        data_prefix=prefix,
        metainfo=dict(classes=('Car', 'Lamp')),
        backend_args=dict(backend=f'mmdefusion.{kind}'),
    )
    assert {Path(dataset.get_data_info(index)['img_path']).name for index in range(len(dataset))} == {
        f'0000{index}.PNG' for index in range(4)
    }


@pytest.mark.parametrize('kind', KINDS)
def test_the_disk_is_not_waited_for_where_a_file_is_only_lent(tmp_path: Path, monkeypatch, kind: str) -> None:
    layouts.coco(tmp_path)
    KINDS[kind](tmp_path, tmp_path / f'pairs.{kind}')
    monkeypatch.setattr(os, 'fsync', lambda _: pytest.fail('waited for the disk'))
    path, args = f'{tmp_path}/pairs.{kind}/vi/000.png', dict(backend=f'mmdefusion.{kind}')
    with fileio.get_local_path(path, backend_args=args) as lent:
        assert Path(lent).read_bytes() == (tmp_path / 'vi/000.png').read_bytes()
    assert not Path(lent).exists()


@pytest.fixture
def database(tmp_path: Path) -> Path:
    layouts.segmentation(tmp_path / 'plain', 'vi', 'ir', 'labels', 3)
    (tmp_path / 'plain/vi/00000D.png').rename(tmp_path / 'plain/vi/grün.png')
    pack_lmdb(tmp_path / 'plain', tmp_path / 'pairs.lmdb')
    return tmp_path / 'pairs.lmdb'


@pytest.mark.parametrize('subdir', [True, False])
def test_a_database_is_a_folder(tmp_path: Path, database: Path, subdir: bool) -> None:
    """Whether it is a folder on disk or one file."""
    if not subdir:
        shutil.rmtree(database)
        pack_lmdb(tmp_path / 'plain', database, subdir=False)
    load = dict(type='mmdefusion.LoadAnyImage', backend_args=LMDB)
    options = dict(data_root=str(tmp_path), backend_args=LMDB)
    names = ['ir/00000D.png', 'ir/00001D.png', 'ir/00002D.png', 'vi/00001D.png', 'vi/00002D.png', 'vi/grün.png']
    labels = [f'labels/0000{index}D.png' for index in range(3)]
    for where in ('.', 'pairs.lmdb') if subdir else ('pairs.lmdb',):
        images = ImageFolders(where, pipeline=[load], **options)
        found = [images.get_data_info(index)['img_path'] for index in range(len(images))]
        inside = [path.partition('pairs.lmdb/')[2] for path in found if 'pairs.lmdb' in path]
        assert inside == sorted(names + labels)
    assert images[len(images) - 1]['img'].shape[2] == 3
    assert fileio.isdir(f'{database}/vi', backend_args=LMDB) and not fileio.isdir(f'{database}/v', backend_args=LMDB)
    assert fileio.exists(f'{database}/vi/grün.png', backend_args=LMDB)
    assert not fileio.exists(f'{tmp_path}/no.lmdb/vi', backend_args=LMDB)


def test_a_forked_process_opens_a_database_anew(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = open_database(str(database))
    assert open_database(f'{database}/.') is ours
    child = os.getpid() + 1
    monkeypatch.setattr(os, 'getpid', lambda: child)
    assert open_database(str(database)) is not ours


@pytest.mark.parametrize('name', ['vi/9.png', 'vi/nö.png', '', 'v' * 600])
def test_an_absent_key_is_named(database: Path, name: str) -> None:
    with pytest.raises(FileNotFoundError, match=rf'^{name} is not in .*pairs\.lmdb\.$'):
        fileio.get(f'{database}/{name}', backend_args=LMDB)
    assert not fileio.isfile(f'{database}/{name}', backend_args=LMDB)


def test_a_missing_partner_is_named(tmp_path: Path, database: Path) -> None:
    steps = [
        dict(type='mmdefusion.LoadAnyImage', backend_args=LMDB),
        dict(type='mmdefusion.AppendPartner', backend_args=LMDB, rule=('/labels/', '/thermal/')),
    ]
    pairs = PairFolders('pairs.lmdb/labels', data_root=str(tmp_path), pipeline=steps, backend_args=LMDB)
    with pytest.raises(FileNotFoundError, match=r'partner .*lmdb/thermal/00000D\.png of .* is not there; add it'):
        pairs.pipeline(pairs.get_data_info(0))


@pytest.mark.parametrize('damage', ['absent', 'text', 'cut'])
def test_what_is_no_database_is_named(tmp_path: Path, database: Path, damage: str) -> None:
    path = database
    if damage == 'absent':
        path = tmp_path / 'other.lmdb'
    elif damage == 'text':
        shutil.rmtree(database)
        database.write_text('no database ' * 2000)
    else:
        data = database / 'data.mdb'
        data.write_bytes(data.read_bytes()[: data.stat().st_size // 2])
    error = FileNotFoundError if damage == 'absent' else ValueError
    with pytest.raises(
        error, match=r'other\.lmdb|cannot be read as an LMDB database \(.*\): write it anew|it was cut short, copy it'
    ):
        fileio.get(f'{path}/vi/00001D.png', backend_args=LMDB)


def test_mmengines_own_backend_reads_listed_pairs(tmp_path: Path, database: Path) -> None:
    own = dict(backend='lmdb', db_path=str(database))
    layouts.write_lines(tmp_path / 'list.txt', ['vi/00001D.png', 'vi/00002D.png'])
    steps = [
        dict(type='mmdefusion.LoadAnyImage', backend_args=own),
        dict(type='mmdefusion.AppendPartner', backend_args=own, rule=('^vi/', 'ir/')),
    ]
    pairs = PairFolders(list_file=str(tmp_path / 'list.txt'), pipeline=steps, backend_args=own)
    assert len(pairs) == 2 and pairs[1]['img'].shape[2] == 4
    with pytest.raises(ValueError, match='LmdbBackend cannot list vi: name the images in list_file'):
        PairFolders('vi', pipeline=steps, backend_args=own)


@pytest.mark.parametrize('kind', [lmdb.CorruptedError, lmdb.PageNotFoundError])
def test_what_is_damaged_inside_a_database_is_named(database: Path, kind: type, monkeypatch) -> None:
    class Damaged:
        def begin(self):
            raise kind('mdb_get')

    monkeypatch.setattr(lmdb_backend, 'open_database', lambda path: Damaged())
    for look in (fileio.get, lambda path, **options: list(fileio.list_dir_or_file(os.path.dirname(path), **options))):
        with pytest.raises(ValueError, match=r'pairs\.lmdb cannot be read as an LMDB database \(mdb_get'):
            look(str(database / 'vi/00001D.png'), backend_args=LMDB)
