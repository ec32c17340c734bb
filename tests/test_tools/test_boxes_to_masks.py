import json
from pathlib import Path

import cv2
import numpy as np
from helpers.warm_process import run_tool

TOOL = Path(__file__).resolve().parents[2] / 'tools/dataset_converters/boxes_to_masks.py'


def test_small_boxes_lie_over_large_ones(tmp_path):
    boxes = [{'id': 1, 'image_id': 7, 'category_id': 3, 'bbox': [4, 2, 3, 3]}]
    boxes += [{'id': 2, 'image_id': 7, 'category_id': 9, 'bbox': [-2, 0, 12, 8]}]
    coco = {
        'images': [
            {'id': 7, 'file_name': 'folder/a.jpg', 'width': 16, 'height': 10},
            {'id': 8, 'file_name': 'b.jpg', 'width': 5, 'height': 4},
        ],
        'annotations': boxes,
        'categories': [{'id': 3, 'name': 'person'}, {'id': 9, 'name': 'car'}],
    }
    source, out = tmp_path / 'train.json', tmp_path / 'labels'
    source.write_text(json.dumps(coco))
    result = run_tool(TOOL, source, out)
    assert result.returncode == 0, result.stderr

    expected = np.zeros((10, 16), np.uint8)
    expected[:8, :10] = 2
    expected[2:5, 4:7] = 1
    np.testing.assert_array_equal(cv2.imread(str(out / 'folder/a.png'), cv2.IMREAD_UNCHANGED), expected)
    assert cv2.imread(str(out / 'b.png'), cv2.IMREAD_UNCHANGED).shape == (4, 5)
    assert (out / 'train.txt').read_text() == 'folder/a\nb\n'
