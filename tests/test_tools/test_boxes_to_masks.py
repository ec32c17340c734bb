import json
from pathlib import Path

import cv2
import numpy as np
from helpers.warm_process import run_tool

TOOL = Path(__file__).resolve().parents[2] / 'tools/dataset_converters/boxes_to_masks.py'


def test_small_boxes_lie_over_large_ones(tmp_path):
    boxes = [{'id': 1, 'image_id': 7, 'category_id': 3, 'bbox': [4, 2, 3, 3]}]
    boxes += [{'id': 2, 'image_id': 7, 'category_id': 9, 'bbox': [-2, 0, 12, 8]}]
    boxes += [{'id': 3, 'image_id': 7, 'category_id': 9, 'bbox': [8, 7, 4, 2], 'iscrowd': 1}]
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
    expected[7:9, 8:12] = 255  # a crowd, and the car before it
    expected[:8, :10] = 2
    expected[2:5, 4:7] = 1
    np.testing.assert_array_equal(cv2.imread(str(out / 'folder/a.png'), cv2.IMREAD_UNCHANGED), expected)
    assert cv2.imread(str(out / 'b.png'), cv2.IMREAD_UNCHANGED).shape == (4, 5)
    assert (out / 'train.txt').read_text() == 'folder/a\nb\n'


def write_coco(path: Path, boxes: list[list[float]], categories: int) -> Path:
    """One image of 16 x 10 pixels, and its boxes, all of the last category."""
    coco = {
        'images': [{'id': 1, 'file_name': 'a.jpg', 'width': 16, 'height': 10}],
        'annotations': [
            {'id': number, 'image_id': 1, 'category_id': categories, 'bbox': box} for number, box in enumerate(boxes)
        ],
        'categories': [{'id': number, 'name': f'class {number}'} for number in range(1, categories + 1)],
    }
    path.write_text(json.dumps(coco))
    return path


def test_boxes_outside_the_image_paint_nothing(tmp_path):
    boxes = [[-9, 2, 5, 5], [2, -9, 5, 5], [-9, -9, 5, 5], [20, 2, 5, 5], [2, 20, 5, 5], [-5, 0, 5, 10]]
    result = run_tool(TOOL, write_coco(tmp_path / 'train.json', boxes, 1), tmp_path / 'labels')
    assert result.returncode == 0, result.stderr
    assert not cv2.imread(str(tmp_path / 'labels/a.png'), cv2.IMREAD_UNCHANGED).any()


def test_no_category_has_the_value_that_is_ignored(tmp_path):
    result = run_tool(TOOL, write_coco(tmp_path / 'train.json', [[4, 2, 3, 3]], 254), tmp_path / 'labels')
    assert result.returncode == 0, result.stderr
    assert cv2.imread(str(tmp_path / 'labels/a.png'), cv2.IMREAD_UNCHANGED).max() == 254
    source = write_coco(tmp_path / 'many.json', [[4, 2, 3, 3]], 255)
    result = run_tool(TOOL, source, tmp_path / 'out')
    assert result.returncode == 1 and not (tmp_path / 'out').exists()
    assert result.stderr == f'{source} has 255 categories, and a label map has room for 254: leave some out.\n'


def test_an_edge_beyond_all_numbers_is_one_line(tmp_path):
    source = write_coco(tmp_path / 'train.json', [[1e308, 0, 1e308, 5]], 1)
    result = run_tool(TOOL, source, tmp_path / 'labels')
    assert result.returncode == 1 and 'Traceback' not in result.stderr and 'infinite edges' in result.stderr
