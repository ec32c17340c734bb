"""A digest of data changes with whatever a score depends on."""

import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.config import Config

pytest.importorskip('mmdet')
pytest.importorskip('mmseg')
from mmdefusion.experiments.data_digest import digest_data
from mmdefusion.scenes import write_scenes

ROOT = Path(__file__).resolve().parents[2]


def wrap(dataset):
    return dict(type='ConcatDataset', datasets=[dict(type='RepeatDataset', times=2, dataset=dataset)])


def make_stock(dataset):
    dataset.type = 'mmdet.CocoDataset'
    dataset.data_prefix.pop('img_ir')
    dataset.pipeline[1].rule = ('test/vi', 'test/ir')
    return dataset


def test_infrared_images_of_another_size(tmp_path):
    scenes = write_scenes(tmp_path / 'scenes', train=1, test=1, size=(64, 64))
    infrared = next((scenes / 'test/ir').iterdir())
    cv2.imwrite(str(infrared), np.zeros((32, 32), np.uint8))
    config = Config.fromfile(ROOT / 'configs/_base_/datasets/scenes-segmentation.py')
    config.test_dataloader.dataset.data_root = str(scenes)
    config.test_dataloader.dataset.pipeline[1].size_mismatch = 'resize'
    assert len(digest_data(config, 'test')) == 64


@pytest.mark.parametrize(
    ('kind', 'change'),
    [('detection', dict), ('detection', wrap), ('detection', make_stock), ('segmentation', dict)],
)
def test_each_file_and_the_annotations_count(kind, change, tmp_path):
    scenes = write_scenes(tmp_path / 'scenes', train=1, test=2, size=(64, 64))
    config = Config.fromfile(ROOT / f'configs/_base_/datasets/scenes-{kind}.py')
    for split in ('train', 'test'):
        config[f'{split}_dataloader'].dataset.data_root = str(scenes)
    config.test_dataloader.dataset = change(config.test_dataloader.dataset)
    found = [digest_data(config, 'test'), digest_data(config, 'test')]
    for part in ('vi', 'ir', *(['labels'] if kind == 'segmentation' else [])):
        os.utime(next((scenes / 'test' / part).iterdir()), ns=(0, 0))
        found.append(digest_data(config, 'test'))
    if kind == 'detection':
        content = json.loads((scenes / 'test.json').read_text())
        content['annotations'][0]['bbox'][0] += 1
        (scenes / 'test.json').write_text(json.dumps(content))
        found.append(digest_data(config, 'test'))
    assert found[0] == found[1] and len({*found}) == len(found) - 1
    assert digest_data(config, 'train', 'test') not in found
