import cv2
import numpy as np
import pytest
from helpers.pretraining import write_images

from mmdefusion.datasets.pretraining import PairFolders

PIPELINE = [
    dict(type='mmdefusion.LoadAnyImage'),
    dict(type='mmdefusion.AppendPartner'),
    dict(type='mmdefusion.RandomResizedCrop', size=16),
    dict(type='mmdefusion.PackImages'),
]


def test_pairs_are_cropped_alike(tmp_path):
    for folder in ('vi', 'ir'):
        write_images(tmp_path / folder, 2)  # the same images: what is cropped alike stays alike
    dataset = PairFolders(data_root=str(tmp_path), folders='vi', partners='ir', pipeline=PIPELINE)
    sample = dataset[1]
    assert sample['inputs'].shape == (4, 16, 16)
    assert sample['data_samples'].img_ir_path == str(tmp_path / 'ir/001.png')
    blue, green, red, infrared = sample['inputs'].float()
    grey = 0.114 * blue + 0.587 * green + 0.299 * red
    assert (grey - infrared).abs().max() <= 2


def test_by_suffix_and_by_rule(tmp_path):
    write_images(tmp_path / 'a', 1)
    (tmp_path / 'a/000.png').rename(tmp_path / 'a/000_vi.png')
    write_images(tmp_path / 'b', 1)
    suffixes = PairFolders(
        data_root=str(tmp_path), folders='a', partners='b', suffixes=('_vi.png', '.png'), pipeline=PIPELINE
    )
    rule = [PIPELINE[0], dict(PIPELINE[1], rule=('/a/000_vi', '/b/000')), *PIPELINE[2:]]
    for dataset in (suffixes, PairFolders(data_root=str(tmp_path), folders='a', pipeline=rule)):
        assert dataset[0]['data_samples'].img_ir_path == str(tmp_path / 'b/000.png')


def test_each_folder_has_partners_of_its_own(tmp_path):
    for folder in ('a/ir', 'a/b', 'ir'):
        write_images(tmp_path / folder, 1)
    folders, partners = ['a/b', 'a/b', 'a'], ['ir', 'a/ir', 'a']
    dataset = PairFolders(data_root=str(tmp_path), folders=folders, partners=partners, pipeline=PIPELINE)
    found = [dataset.get_data_info(index)['img_ir_path'] for index in range(len(dataset))]
    assert found == [str(tmp_path / path / '000.png') for path in ('ir', 'a/ir', 'a/b', 'a/ir')]


def test_what_does_not_fit(tmp_path):
    write_images(tmp_path / 'vi', 3)
    write_images(tmp_path / 'ir', 3, size=(20, 20))
    dataset = PairFolders(data_root=str(tmp_path), folders='vi', partners='ir', pipeline=PIPELINE)
    with pytest.raises(ValueError, match='1 of 3 files cannot be used.*partner .* is 20x20, visible image .* 56x40'):
        dataset[0]
    (tmp_path / 'ir/001.png').unlink()
    with pytest.raises(FileNotFoundError, match=r'1 of 3 partners are not there, first .*ir/001.png'):
        PairFolders(data_root=str(tmp_path), folders='vi', partners='ir', pipeline=PIPELINE)
    with pytest.raises(ValueError, match=r'partners=.* not beside list_file=pairs.txt'):
        PairFolders(folders='vi', partners='ir', list_file='pairs.txt', pipeline=PIPELINE)
    with pytest.raises(ValueError, match='2 folders of visible images and 1 of infrared'):
        PairFolders(data_root=str(tmp_path), folders=['vi', 'vi'], partners=['ir'], pipeline=PIPELINE)


def test_16_bit_partners(tmp_path):
    write_images(tmp_path / 'vi', 1)
    (tmp_path / 'ir').mkdir()
    counts = np.linspace(20000, 24000, 40 * 56).reshape(40, 56).astype(np.uint16)
    cv2.imwrite(str(tmp_path / 'ir/000.png'), counts)
    dataset = PairFolders(data_root=str(tmp_path), folders='vi', partners='ir', pipeline=PIPELINE)
    infrared = dataset[0]['inputs'][3]
    assert (infrared.float().mean(1).diff() >= 0).all()  # scaled, not wrapped
