from pathlib import Path

import pytest
from helpers import layouts

pytest.importorskip('mmseg')

from mmdefusion.datasets.segmentation import FMBDataset


def test_layout_and_ignored_zero(tmp_path: Path, seg_pipeline: list, assert_moved_together) -> None:
    layouts.segmentation(tmp_path / 'train', 'Visible', 'Infrared', 'Label', classes=15)
    prefix = dict(img_path='train/Visible', img_ir_path='train/Infrared', seg_map_path='train/Label')
    dataset = FMBDataset(data_root=str(tmp_path), data_prefix=prefix, pipeline=seg_pipeline)
    packed = dataset[0]
    assert_moved_together(packed)
    written = packed['inputs'][0].int() * 15 // 256
    labels = packed['data_samples'].gt_sem_seg.data[0]
    assert (labels[written == 0] == 255).all() and (labels[written > 0] == written[written > 0] - 1).all()
    assert len(dataset.metainfo['classes']) == len(dataset.metainfo['palette']) == 14
