from pathlib import Path

import pytest
from helpers import layouts

pytest.importorskip('mmseg')

from mmdefusion.datasets.segmentation import MFNetDataset, MSRSDataset


@pytest.mark.parametrize('ann_file, images', [('train.txt', 3), ('test_night.txt', 1)])
def test_mfnet_partner_is_the_fourth_channel(
    tmp_path: Path, seg_pipeline: list, assert_moved_together, ann_file: str, images: int
) -> None:
    layouts.mfnet(tmp_path)
    dataset = MFNetDataset(data_root=str(tmp_path), ann_file=ann_file, pipeline=seg_pipeline)
    assert len(dataset) == images
    assert dataset.get_data_info(0)['img_ir_path'] == dataset.get_data_info(0)['img_path']
    assert_moved_together(dataset[0])


def test_msrs_layout(tmp_path: Path, seg_pipeline: list, assert_moved_together) -> None:
    layouts.segmentation(tmp_path / 'train', 'vi', 'ir', 'Segmentation_labels', classes=9)
    prefix = dict(img_path='train/vi', img_ir_path='train/ir', seg_map_path='train/Segmentation_labels')
    dataset = MSRSDataset(data_root=str(tmp_path), data_prefix=prefix, pipeline=seg_pipeline)
    assert len(dataset) == 3
    packed = dataset[0]
    assert_moved_together(packed)
    labels = packed['data_samples'].gt_sem_seg.data[0]
    assert (labels == packed['inputs'][0].int() * 9 // 256).all()  # background stays class 0


def test_both_have_the_same_nine_classes() -> None:
    assert MFNetDataset.METAINFO['classes'] == MSRSDataset.METAINFO['classes']
    assert len(MSRSDataset.METAINFO['classes']) == len(MSRSDataset.METAINFO['palette']) == 9
