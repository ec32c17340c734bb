"""What test.py --out writes."""

import pickle
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
import torch
from mmengine.evaluator import DumpResults

pytest.importorskip('mmdet')

from mmdet.evaluation import DumpDetResults

TEST = Path(__file__).resolve().parents[2] / 'tools/test.py'


def test_masks_of_instances_are_compressed() -> None:
    spec = spec_from_file_location('test_tool', TEST)
    tool = module_from_spec(spec)
    spec.loader.exec_module(tool)
    writer = tool.writer_of('found.pkl', 'mmdet')
    assert type(writer) is DumpDetResults and type(tool.writer_of('found.pkl', 'mmseg')) is DumpResults
    masks = torch.zeros(20, 256, 320, dtype=torch.bool)
    boxes = dict(bboxes=torch.zeros(20, 4), scores=torch.zeros(20), labels=torch.zeros(20, dtype=torch.long))
    writer.process({}, [dict(img_id=1, pred_instances=dict(**boxes, masks=masks))])
    assert len(pickle.dumps(writer.results)) < masks.numel() / 50
