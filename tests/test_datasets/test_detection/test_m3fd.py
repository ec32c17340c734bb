from itertools import chain, pairwise
from pathlib import Path

import pytest
from helpers import layouts

pytest.importorskip('mmdet')

from mmdefusion.datasets.detection import M3FDDataset
from mmdefusion.datasets.detection.m3fd import split_by_blocks

IDS = [f'{index:05d}' for index in range(4200)]


def test_split_is_a_partition_of_the_stated_sizes() -> None:
    parts = [split_by_blocks(IDS, split) for split in ('train', 'val', 'test')]
    assert sorted(chain(*parts)) == IDS
    assert [len(part) for part in parts] == pytest.approx([2520, 840, 840], abs=50)


def test_split_keeps_neighbours_together() -> None:
    side = {image_id: split for split in ('train', 'val', 'test') for image_id in split_by_blocks(IDS, split)}
    changes = sum(side[first] != side[second] for first, second in pairwise(IDS))
    assert changes < 4200 / 50


def test_split_depends_on_the_seed_alone() -> None:
    assert split_by_blocks(IDS, 'val') == split_by_blocks(IDS[::-1], 'val')
    assert split_by_blocks(IDS, 'val') != split_by_blocks(IDS, 'val', seed=1)


def test_ids_are_sorted_by_number() -> None:
    assert split_by_blocks(['10', '9', '100'], 'train') == sorted(split_by_blocks(['10', '9', '100'], 'train'), key=int)
    assert [i for s in ('train', 'val', 'test') for i in split_by_blocks(['x'], s)] == ['x']


@pytest.mark.parametrize('folder', ['Annotation', 'Annotations'])
def test_layout_and_classes(tmp_path: Path, det_pipeline: list, assert_moved_together, folder: str) -> None:
    layouts.m3fd(tmp_path, annotations=folder)
    dataset = M3FDDataset(data_root=str(tmp_path), ann_file='meta/train.txt', pipeline=det_pipeline)
    assert len(dataset) == 3
    assert dataset.get_cat_ids(0) == [1, 4]
    assert_moved_together(dataset[0])


def test_own_split_is_used_and_said_to_be_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = layouts.m3fd(tmp_path, count=10)
    said = []
    monkeypatch.setattr('mmdefusion.datasets.detection.m3fd.print_log', lambda text, **_: said.append(text))
    parts = [M3FDDataset(data_root=str(tmp_path), split=split) for split in ('train', 'val', 'test')]
    assert [len(part) for part in parts] == [6, 2, 2]
    assert sorted(part.get_data_info(i)['img_id'] for part in parts for i in range(len(part))) == ids
    assert len(said) == 3 and all('not comparable with published numbers' in text for text in said)


def test_split_and_list_together_are_an_error() -> None:
    with pytest.raises(ValueError, match='are two splits; give one of them'):
        M3FDDataset(split='train', ann_file='meta/train.txt')


def test_unknown_split_is_an_error() -> None:
    with pytest.raises(ValueError, match="split='pred' must be one of 'train', 'val', 'test'"):
        M3FDDataset(split='pred')


def test_real_pairs(shared: Path, det_pipeline: list) -> None:
    dataset = M3FDDataset(data_root=str(shared / 'data/m3fd'), pipeline=det_pipeline)
    assert len(dataset) == 2
    assert sum(len(dataset.get_cat_ids(i)) for i in range(2)) == 30
    assert dataset[0]['inputs'].shape == (4, 72, 96)
