from pathlib import Path

import pytest
from helpers import layouts

pytest.importorskip('mmseg')

from mmdefusion.datasets.segmentation import PST900Dataset


def test_layout(tmp_path: Path, seg_pipeline: list, assert_moved_together) -> None:
    layouts.segmentation(tmp_path / 'test', 'rgb', 'thermal', 'labels', classes=5)
    prefix = dict(img_path='test/rgb', img_ir_path='test/thermal', seg_map_path='test/labels')
    dataset = PST900Dataset(data_root=str(tmp_path), data_prefix=prefix, pipeline=seg_pipeline)
    packed = dataset[0]
    assert_moved_together(packed)
    assert (packed['data_samples'].gt_sem_seg.data[0] == packed['inputs'][0].int() * 5 // 256).all()
    assert len(dataset.metainfo['classes']) == len(dataset.metainfo['palette']) == 5
