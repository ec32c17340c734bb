from pathlib import Path

import pytest
from helpers import layouts

pytest.importorskip('mmdet')

from mmdefusion.datasets.detection import KAISTDataset


def test_layout_boxes_and_ignored_people(tmp_path: Path, det_pipeline: list, assert_moved_together) -> None:
    layouts.kaist(tmp_path)
    dataset = KAISTDataset(data_root=str(tmp_path), ann_file='imageSets/train.txt', pipeline=det_pipeline)
    assert len(dataset) == 2
    info = dataset.get_data_info(1)
    assert info['img_id'] == 'set00/V000/I00002'
    assert info['img_path'] == str(tmp_path / 'images/set00/V000/visible/I00002.jpg')
    assert info['img_ir_path'] == str(tmp_path / 'images/set00/V000/lwir/I00002.jpg')
    assert info['instances'][0] == dict(bbox=[10, 5, 18, 25], bbox_label=0, ignore_flag=0)
    assert [instance['ignore_flag'] for instance in info['instances']] == [0, 1, 1, 1, 1]
    packed = dataset[1]
    assert len(packed['data_samples'].gt_instances) == 1
    assert len(packed['data_samples'].ignored_instances) == 4
    assert_moved_together(packed)


def test_boxes_by_their_corners_are_read_too(tmp_path: Path) -> None:
    layouts.kaist(tmp_path)
    xml = tmp_path / 'annotations-xml-new-sanitized/set00/V000/I00000.xml'
    layouts.write_xml(xml, [('person', (10, 5, 18, 25))])  # from 0, as KAIST's own script writes them
    dataset = KAISTDataset(data_root=str(tmp_path), ann_file='imageSets/train.txt')
    assert dataset.get_data_info(0)['instances'][0]['bbox'] == [10, 5, 18, 25]


def test_list_is_needed() -> None:
    with pytest.raises(ValueError, match='KAISTDataset needs ann_file'):
        KAISTDataset(ann_file='')
