"""Pairs from any two folders."""

import pytest
from helpers.layouts import grey, write

from mmdefusion.datasets.fusion import FusionDataset


def test_pairs_by_name_in_order(tmp_path):
    for k in (2, 1):
        write(tmp_path / f'vi/{k}.jpg', grey(k))
        write(tmp_path / f'ir/{k}.png', grey(k))
    dataset = FusionDataset('vi', 'ir', data_root=str(tmp_path), pipeline=[])
    root = tmp_path
    assert [dataset[k] for k in range(2)] == [
        dict(img_path=f'{root}/vi/{k}.jpg', img_ir_path=f'{root}/ir/{k}.png', name=str(k), sample_idx=k - 1)
        for k in (1, 2)
    ]
    assert len(FusionDataset('vi', 'ir', data_root=str(tmp_path), pipeline=[], indices=1)) == 1


def test_pairs_by_suffix_in_one_folder(tmp_path):
    for suffix in 'AB':
        write(tmp_path / f'scene/x_{suffix}.png', grey(0))
    dataset = FusionDataset('', '', ('_A', '_B'), data_root=str(tmp_path), pipeline=[])
    assert dataset[0]['name'] == 'scene/x'
    assert [dataset[0][key][-7:] for key in ('img_path', 'img_ir_path')] == ['x_A.png', 'x_B.png']


def test_names_that_do_not_match(tmp_path):
    write(tmp_path / 'vi/1.png', grey(1))
    write(tmp_path / 'ir/2.png', grey(1))
    with pytest.raises(ValueError, match='1 only in .*vi'):
        FusionDataset('vi', 'ir', data_root=str(tmp_path), pipeline=[])
    with pytest.raises(FileNotFoundError, match='nowhere'):
        FusionDataset('vi', 'nowhere', data_root=str(tmp_path), pipeline=[])
