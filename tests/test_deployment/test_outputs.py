"""An ONNX file may be anybody's: what it gives is checked, and refused in a line that names the file."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from helpers.toy_onnx import write_toy
from onnx import TensorProto, helper, numpy_helper

from mmdefusion.deployment import OnnxDetector, OnnxFuser, OnnxSegmenter
from mmdefusion.deployment.network import OnnxNetwork, threads_of_environment
from mmdefusion.deployment.outputs import MOST_FOUND, check_outputs

VISIBLE, INFRARED = np.full((48, 64, 3), 9, np.uint8), np.full((48, 64), 200, np.uint8)
BOXES = np.array([[2, 3, 12, 20], [0, 0, 0, 0]], np.float32)
OPEN = dict(fuse=OnnxFuser, detect=OnnxDetector, segment=OnnxSegmenter)


def changed(path: Path, task: str, fields: dict | None = None, **values: np.ndarray | None) -> str:
    """A toy with other metadata whose outputs are these constants instead; None leaves one out."""
    model = onnx.load(write_toy(path, task, **(fields or {})))
    for name, value in values.items():
        (node,) = [node for node in model.graph.node if node.output[0] == name]
        (output,) = [output for output in model.graph.output if output.name == name]
        if value is None:
            model.graph.output.remove(output)
            continue
        tensor = numpy_helper.from_array(np.asarray(value), f'{name}_new')
        model.graph.node.remove(node)
        model.graph.initializer.append(tensor)
        model.graph.node.append(helper.make_node('Identity', [tensor.name], [name]))
        output.CopyFrom(helper.make_tensor_value_info(name, tensor.data_type, None))
    onnx.save(model, path)
    return str(path)


def refuse(path: Path, task: str, said: str, fields: dict | None = None, **values: np.ndarray | None) -> None:
    fuses = task == 'fuse'
    network = OPEN[task](
        changed(path, task, fields, **values), show_progress=False, **(dict(detail=None) if fuses else {})
    )
    with pytest.raises(ValueError, match=said) as error:
        network([VISIBLE], [INFRARED], **({} if fuses else dict(return_vis=True)))
    assert path.name in str(error.value) and '\n' not in str(error.value) and len(str(error.value)) < 300


@pytest.mark.parametrize(
    'values, said',
    [
        (dict(labels=np.array([[7, -1]])), 'label 7 of 2 classes'),
        (dict(labels=np.array([[0.5, -1]], np.float32)), 'labels of float32, not of whole numbers'),
        (dict(labels=np.array([[1]])), r'labels of shape 1 x 1, not 1 x 2'),
        (dict(boxes=BOXES[None] * np.nan), 'not finite'),
        (dict(boxes=BOXES[None] * np.float32(1e30)), 'far away'),
        (dict(boxes=np.zeros((1, 2, 5), np.float32)), r'boxes of shape 1 x 2 x 5, not 1 x any x 4'),
        (dict(boxes=np.zeros((), np.float32)), r'boxes of shape \(\), not 1 x any x 4'),
        (dict(boxes=np.zeros((1, 2, 4), np.int64)), 'boxes of int64, not of floating numbers'),
        (dict(scores=np.array([[0.9, 0, 0]], np.float32)), 'scores of shape 1 x 3, not 1 x 2'),
        (dict(scores=np.array([[np.inf, 0]], np.float32)), 'not finite'),
        (dict(labels=None), '2 outputs, not boxes, scores, labels'),
    ],
)
def test_what_no_detector_gives(tmp_path, values, said):
    refuse(tmp_path / 'bad.onnx', 'detect', said, **values)


@pytest.mark.parametrize(
    'mask, said',
    [
        (np.full((1, 48, 64), 7), 'label 7 of 2 classes'),
        (np.full((1, 48, 64), -1), 'label -1 of 2 classes'),
        (np.zeros((1, 48, 64), np.float32), 'labels of float32, not of whole numbers'),
        (np.zeros((1, 2, 3), np.int64), 'labels of shape 1 x 2 x 3, not 1 x 48 x 64'),
        (np.array(0), r'labels of shape \(\)'),
    ],
)
def test_what_no_segmenter_gives(tmp_path, mask, said):
    refuse(tmp_path / 'bad.onnx', 'segment', said, mask=mask)


@pytest.mark.parametrize(
    'mask, said',
    [
        (np.zeros((1, 48, 64), np.int64), 'logits of int64, not of floating numbers'),
        (np.zeros((1, 3, 48, 64), np.float32), 'logits of shape 1 x 3 x 48 x 64, not 1 x 2 x 48 x 64'),
        (np.full((1, 2, 48, 64), np.nan, np.float32), 'logits whose values are not finite'),
    ],
)
def test_what_no_segmenter_gives_whose_pairs_are_resized(tmp_path, mask, said):
    refuse(tmp_path / 'bad.onnx', 'segment', said, dict(logits=True, scale=(64, 48)), mask=mask)


@pytest.mark.parametrize(
    'fused, said',
    [
        (np.full((1, 3, 48, 64), np.nan, np.float32), 'values are not finite'),
        (np.full((1, 3, 48, 64), np.inf, np.float32), 'values are not finite'),
        (np.zeros((1, 1, 48, 64), np.float32), 'an image of shape 1 x 1 x 48 x 64, not 1 x 3 x 48 x 64'),
        (np.zeros((), np.float32), r'an image of shape \(\)'),
        (np.zeros((1, 3, 48, 64), np.int64), 'an image of int64'),
    ],
)
def test_what_no_fuser_gives(tmp_path, fused, said):
    refuse(tmp_path / 'bad.onnx', 'fuse', said, fused=fused)


def test_bounds_of_the_rest(tmp_path):
    metadata = OnnxNetwork(write_toy(tmp_path / 'det.onnx', 'detect')).metadata
    whole = [np.zeros((1, 2, 4), np.float32), np.ones((1, 2), np.float32), np.array([[1, -1]])]
    filled = [np.array([BOXES, BOXES])[:1] * [[[1], [np.nan]]], *whole[1:]]  # what fills a batch up is not looked at
    for outputs in (whole, filled, [*whole, np.zeros((1, 2, 28, 28), np.float32)]):
        check_outputs(outputs, (1, 3, 48, 64), metadata, 'x.onnx')
    for outputs, said in (
        ([np.zeros((1, MOST_FOUND + 1, 4), np.float32), *whole[1:]], 'are the most'),
        ([*whole, np.zeros((1, 2, 28), np.float32)], 'masks of shape'),
        ([*whole, np.full((1, 2, 3, 3), np.nan, np.float32)], 'masks whose values'),
        ([*whole[:2], np.array([['a', 'b']])], 'labels of <U1'),
        ([[], *whole[1:]], 'boxes of object'),
    ):
        with pytest.raises(ValueError, match=f'x.onnx gives .*{said}'):
            check_outputs(outputs, (1, 3, 48, 64), metadata, 'x.onnx')


def test_a_file_without_inputs(tmp_path):
    model = onnx.load(changed(tmp_path / 'none.onnx', 'segment', mask=np.zeros((1, 2, 2), np.int64)))
    for kept in (model.graph.input, model.graph.node):
        del kept[: len(kept) - (kept is model.graph.node)]
    onnx.save(model, tmp_path / 'none.onnx')
    with pytest.raises(ValueError, match=r'none.onnx has the inputs \[\], not visible and infrared'):
        OnnxSegmenter(tmp_path / 'none.onnx')


def test_inputs_of_text(tmp_path):
    model = onnx.load(changed(tmp_path / 'text.onnx', 'segment', mask=np.zeros((1, 48, 64), np.int64)))
    for one in model.graph.input:
        one.type.tensor_type.elem_type = TensorProto.STRING
    del model.graph.node[:-1]
    onnx.save(model, tmp_path / 'text.onnx')
    with pytest.raises(ValueError, match='text.onnx cannot take images of'):
        OnnxSegmenter(tmp_path / 'text.onnx')([VISIBLE], [INFRARED])


def test_boxes_far_away_are_drawn(tmp_path):
    """A pair that is resized to a single pixel makes them as large as a file may."""
    boxes = np.array([[[-1e6, -1e6, 1e6, 1e6], [0, 0, 0, 0]]], np.float32)
    path = changed(tmp_path / 'far.onnx', 'detect', boxes=boxes)
    model = onnx.load(path)
    (entry,) = model.metadata_props
    entry.value = entry.value.replace('"scale": null', '"scale": [1, 1]')
    onnx.save(model, path)
    large = np.zeros((3, 9000, 3), np.uint8)
    found = OnnxDetector(path, show_progress=False)([large], [large[..., 0]], return_vis=True)
    assert found['visualization'][0].shape[0] >= 3


@pytest.mark.parametrize('value, threads', [('4,2', 4), ('3', 3), ('', 0), ('many', 0), ('9' * 5000, 0), (' 2 ', 2)])
def test_threads_of_the_environment(monkeypatch, value, threads):
    monkeypatch.setenv('OMP_NUM_THREADS', value)
    assert threads_of_environment() == threads
