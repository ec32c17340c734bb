from pathlib import Path

import pytest
from helpers import layouts

pytest.importorskip('mmdet')

from mmdefusion.datasets.detection import LLVIPDataset

TEST = dict(img='visible/test', img_ir='infrared/test')


def test_folder_is_the_split(tmp_path: Path, det_pipeline: list, assert_moved_together) -> None:
    layouts.llvip(tmp_path)
    train = LLVIPDataset(data_root=str(tmp_path), pipeline=det_pipeline)
    test = LLVIPDataset(data_root=str(tmp_path), data_prefix=TEST, pipeline=det_pipeline, test_mode=True)
    assert (len(train), len(test)) == (2, 1)
    assert test.get_data_info(0)['img_ir_path'] == str(tmp_path / 'infrared/test/190001.jpg')
    assert_moved_together(train[0])
    assert_moved_together(test[0])


def test_forgotten_infrared_prefix_is_an_error(tmp_path: Path) -> None:
    layouts.llvip(tmp_path)
    with pytest.raises(FileNotFoundError, match=r'1 of 1 partners .*infrared/train/190001\.jpg'):
        LLVIPDataset(data_root=str(tmp_path), data_prefix=dict(img='visible/test'))


def test_real_pairs(shared: Path, det_pipeline: list) -> None:
    dataset = LLVIPDataset(data_root=str(shared / 'data/llvip'), data_prefix=TEST, pipeline=det_pipeline)
    assert len(dataset) == 6
    assert all(set(dataset.get_cat_ids(index)) == {0} for index in range(6))
    assert dataset[5]['inputs'].shape == (4, 72, 96)
