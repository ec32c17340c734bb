from pathlib import Path

import pytest
from helpers import layouts

pytest.importorskip('mmdet')

from mmdefusion.datasets.detection import FLIRAlignedDataset, FLIRAlignedXMLDataset


def test_coco_layout(tmp_path: Path, det_pipeline: list, assert_moved_together) -> None:
    layouts.coco(tmp_path)
    prefix = dict(img='vi/', img_ir='ir/')
    dataset = FLIRAlignedDataset(
        data_root=str(tmp_path), ann_file='train.json', data_prefix=prefix, pipeline=det_pipeline
    )
    assert dataset.metainfo['classes'] == ('person', 'bicycle', 'car')
    assert_moved_together(dataset[0])


@pytest.mark.parametrize('ann_file', ['align_train.txt', ''])
def test_published_layout(tmp_path: Path, det_pipeline: list, assert_moved_together, ann_file: str) -> None:
    layouts.flir_published(tmp_path)
    dataset = FLIRAlignedXMLDataset(data_root=str(tmp_path), ann_file=ann_file, pipeline=det_pipeline)
    assert len(dataset) == 2
    info = dataset.get_data_info(1)
    assert Path(info['img_path']).name == 'FLIR_00010_RGB.jpg'
    assert Path(info['img_ir_path']).name == 'FLIR_00010_PreviewData.jpeg'
    assert dataset.get_cat_ids(1) == [2]
    assert_moved_together(dataset[1])


@pytest.mark.parametrize('split, images, boxes', [('train', 40, 364), ('test', 20, 150)])
def test_real_pairs(shared: Path, det_pipeline: list, split: str, images: int, boxes: int) -> None:
    dataset = FLIRAlignedDataset(
        data_root=str(shared / 'data/flir_aligned'),
        ann_file=f'{split}.json',
        data_prefix=dict(img='vi/', img_ir='ir/'),
        pipeline=det_pipeline,
    )
    assert len(dataset) == images
    assert sum(len(dataset.get_cat_ids(index)) for index in range(images)) == boxes
    assert dataset[0]['inputs'].shape == (4, 72, 96)
