"""What a data set ignores is no background, with the heads whose assigners can ignore."""

from pathlib import Path

import pytest
import torch
from helpers import layouts
from mmengine.config import Config
from mmengine.registry import TASK_UTILS, DefaultScope, init_default_scope
from mmengine.structures import InstanceData

pytest.importorskip('mmdet')

from mmdefusion.datasets.detection import KAISTDataset

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
PERSON, PEOPLE, NOTHING = [10.0, 10.0, 40.0, 90.0], [200.0, 100.0, 230.0, 180.0], [300.0, 300.0, 330.0, 380.0]
CASES = [
    'detection/defusionpp_vit-tiny_faster-rcnn_1xb4-24k_kaist-640x512.py',
    *(f'_base_/models/{name}_defusionpp-tiny.py' for name in ('cascade-rcnn', 'mask-rcnn', 'retinanet', 'atss')),
    '_base_/models/atss_defusionpp-nano.py',
]


def assigners(train_cfg: dict) -> list[dict]:
    """Those of a detector, of its RPN and of all stages of its box heads."""
    if 'assigner' in train_cfg:
        return [train_cfg['assigner']]
    stages = train_cfg['rcnn'] if isinstance(train_cfg['rcnn'], list) else [train_cfg['rcnn']]
    return [part['assigner'] for part in (train_cfg['rpn'], *stages)]


@pytest.mark.parametrize('path', CASES)
def test_a_prior_on_an_ignored_box_is_no_background(path: str) -> None:
    init_default_scope('mmdet')
    priors = InstanceData(priors=torch.tensor([PERSON, PEOPLE, NOTHING]))
    person = InstanceData(bboxes=torch.tensor([PERSON]), labels=torch.tensor([0]))
    people = InstanceData(bboxes=torch.tensor([PEOPLE]), labels=torch.tensor([0]))
    for config in assigners(Config.fromfile(CONFIGS / path).model.train_cfg):
        with DefaultScope.overwrite_default_scope('mmdet'):
            assigner = TASK_UTILS.build(config)
        # ATSS takes the nearest priors of each level; it has one prior in each here
        levels = ([1, 1, 1],) if config['type'] == 'ATSSAssigner' else ()
        found = assigner.assign(priors, *levels, gt_instances=person, gt_instances_ignore=people).gt_inds.tolist()
        assert found[1] == -1 and found[0] == 1 and (levels or found[2] == 0), config


def test_an_image_with_ignored_boxes_only_is_left_out_of_training(tmp_path: Path) -> None:
    """mmdet would train on all of it as background."""
    layouts.kaist(tmp_path)
    xml = tmp_path / 'annotations-xml-new-sanitized/set00/V000/I00002.xml'
    layouts.write_xml(xml, [('people', (10, 5, 8, 20))], keys='xywh')
    options = dict(data_root=str(tmp_path), ann_file='imageSets/train.txt', filter_cfg=dict(filter_empty_gt=True))
    assert [info['img_id'] for info in KAISTDataset(**options)] == ['set00/V000/I00000']
    assert len(KAISTDataset(**options, test_mode=True)) == 2
