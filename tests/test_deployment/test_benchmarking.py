"""What the benchmark of forms computes: agreement, and scores against the truth."""

import json
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from helpers.toy_onnx import write_toy
from mmengine.registry import init_default_scope
from torch import nn

from mmdefusion.deployment import OnnxDetector, OnnxFuser, OnnxSegmenter
from mmdefusion.deployment.export import benchmarking
from mmdefusion.deployment.export.accuracy import FUSION, assess, box_scores, reading_of_labels
from mmdefusion.deployment.export.benchmarking import agree, write_files
from mmdefusion.deployment.export.forms import PRECISIONS, Form, prepare
from mmdefusion.deployment.export.loading import Cut, find_cut
from mmdefusion.deployment.export.pairs import find_pairs
from mmdefusion.deployment.metadata import Metadata

SIDES = (48, 60)


@pytest.fixture
def items(tmp_path) -> list:
    """Two pairs; the right half of the infrared images is hot."""
    rng = np.random.default_rng(0)
    for name in ('vi', 'ir', 'labels'):
        (tmp_path / name).mkdir()
    hot = np.zeros(SIDES, np.uint8)
    hot[:, 30:] = 200
    for name in ('a', 'b'):
        cv2.imwrite(str(tmp_path / f'vi/{name}.png'), rng.integers(0, 256, (*SIDES, 3), np.uint8))
        cv2.imwrite(str(tmp_path / f'ir/{name}.png'), hot)
    return find_pairs(tmp_path)


def write_boxes(folder: Path, left: int) -> Path:
    """A COCO file whose cars are where the toy detector sees them if ``left`` is 2."""
    content = dict(
        images=[dict(id=number, file_name=f'{name}.png', width=60, height=48) for number, name in enumerate('ab', 1)],
        categories=[dict(id=5, name='person'), dict(id=7, name='car')],
        annotations=[
            dict(id=n, image_id=n, category_id=7, bbox=[left, 3, 10, 17], area=170, iscrowd=0) for n in (1, 2)
        ],
    )
    (folder / 'truth.json').write_text(json.dumps(content))
    return folder / 'truth.json'


@pytest.mark.parametrize(('left', 'scores'), [(2, (100, 100)), (4, (40, 100)), (30, (0, 0))])
def test_boxes_are_scored(items, tmp_path, left, scores):
    detector = OnnxDetector(write_toy(tmp_path / 'x.onnx', 'detect'), show_progress=False)
    found = assess(detector, items, write_boxes(tmp_path, left))  # 4: an IoU of 8 / 12, a hit up to 0.65
    assert found == pytest.approx(dict(zip(('mAP', 'AP50'), scores, strict=True)))


def test_masks_are_scored(items, tmp_path):
    segmenter = OnnxSegmenter(write_toy(tmp_path / 'x.onnx', 'segment'), show_progress=False)
    label = np.zeros(SIDES, np.uint8)
    label[:, 45:] = 1  # a quarter of the image, of which the prediction is twice as large
    for name in ('a', 'b'):
        cv2.imwrite(str(tmp_path / f'labels/{name}.png'), label)
    assert assess(segmenter, items, tmp_path / 'labels') == pytest.approx(dict(mIoU=100 * (30 / 45 + 15 / 30) / 2))
    assert assess(segmenter, items, None) == {}


def test_masks_whose_files_hold_the_next_number_of_each_class(items, tmp_path):
    """As FMB's do, and ADE20K's: 0 is ignored."""
    segmenter = OnnxSegmenter(write_toy(tmp_path / 'x.onnx', 'segment'), show_progress=False)
    label = np.ones(SIDES, np.uint8)
    label[:, 30:] = 2
    label[:5] = 0
    for name in ('a', 'b'):
        cv2.imwrite(str(tmp_path / f'labels/{name}.png'), label)
    found = assess(segmenter, items, tmp_path / 'labels', dict(reduce_zero_label=True, label_map=None))
    assert found == pytest.approx(dict(mIoU=100))


@pytest.mark.parametrize(('type', 'reduced'), [('mmdefusion.FMBDataset', True), ('mmdefusion.MSRSDataset', False)])
def test_how_a_data_set_reads_its_labels(type, reduced):
    init_default_scope('mmseg')
    dataset = dict(type='ConcatDataset', datasets=[dict(type=type, data_root='nowhere', test_mode=True)])
    assert reading_of_labels(dataset) == dict(reduce_zero_label=reduced, label_map=None)


def test_a_data_set_whose_folders_are_not_there(tmp_path):
    """DRIVE's asserts that they are, whatever is asked of it."""
    init_default_scope('mmseg')
    with pytest.raises(ValueError, match='DRIVEDataset of test_dataloader cannot be built .*is its data_root there'):
        reading_of_labels(dict(type='DRIVEDataset', data_root=str(tmp_path), data_prefix=dict(img_path='nowhere')))


def test_boxes_that_a_detector_keeps():
    inner = torch.nn.Module()
    inner.test_cfg = dict(score_thr=0.05, max_per_img=100)
    detector = torch.nn.Module()
    detector.bbox_head = inner
    assert find_cut(detector) == Cut(0.05, 100)
    detector.roi_head = torch.nn.Module()
    detector.roi_head.test_cfg = dict(max_per_img=10)
    assert find_cut(detector) == Cut(0, 10) and find_cut(inner) == Cut()
    detector.roi_head.test_cfg = dict(score_thr=0.1, max_per_img=-1)
    assert find_cut(detector) == Cut(0.1)
    inner.num_queries = 30  # of relatives of DETR
    assert find_cut(inner) == Cut(count=30)


def test_fused_images_are_scored(items, tmp_path):
    fuser = OnnxFuser(write_toy(tmp_path / 'x.onnx', 'fuse'), show_progress=False)
    found = assess(fuser, items, None)
    assert tuple(found) == FUSION and all(np.isfinite(list(found.values())))


def test_truths_that_cannot_be_used_are_named(items, tmp_path):
    detector = OnnxDetector(write_toy(tmp_path / 'd.onnx', 'detect'), show_progress=False)
    segmenter = OnnxSegmenter(write_toy(tmp_path / 's.onnx', 'segment'), show_progress=False)
    (tmp_path / 'list.json').write_text('[]')
    with pytest.raises(ValueError, match=r'list.json is not in COCO format'):
        assess(detector, items, tmp_path / 'list.json')
    content = json.loads(write_boxes(tmp_path, 2).read_text())
    (tmp_path / 'less.json').write_text(
        json.dumps(content | {key: content[key][:1] for key in ('images', 'annotations')})
    )
    with pytest.raises(ValueError, match=r'less.json lacks b: name the file of these pairs'):
        assess(detector, items, tmp_path / 'less.json')
    with pytest.raises(FileNotFoundError, match=r'labels/a.png is not there: name the folder that has a label map'):
        assess(segmenter, items, tmp_path / 'labels')
    cv2.imwrite(str(tmp_path / 'labels/a.png'), np.zeros((4, 5), np.uint8))
    with pytest.raises(ValueError, match=r'labels/a.png has the shape \(4, 5\), its pair \(48, 60\)'):
        assess(segmenter, items, tmp_path / 'labels')


@pytest.mark.parametrize(
    ('written', 'scored'),
    [
        (('set00/1.png', 'set01/1.png'), True),  # as KAIST's files are named
        (('1.png', '2.png'), True),
        (('vi/set00/1.png', 'vi/set01/1.png'), False),
        (('set00/1.png', '1.jpg'), False),
    ],
)
def test_images_of_one_name_in_several_folders(written, scored, tmp_path):
    names = ('set00/1', 'set01/1' if '/' in written[1] or not scored else 'set01/2')
    content = json.loads(write_boxes(tmp_path, 2).read_text())
    for image, name in zip(content['images'], written, strict=True):
        image['file_name'] = name
    content['annotations'][1]['bbox'] = [30, 20, 10, 17]
    (tmp_path / 'truth.json').write_text(json.dumps(content))
    boxes = [[2, 3, 12, 20]], [[30, 20, 40, 37]]
    found = {name: dict(bboxes=box, scores=[0.9], labels=[0]) for name, box in zip(names, boxes, strict=True)}
    runtime = SimpleNamespace(metadata=Metadata('detect', classes=('car',), palette=((0, 0, 0),)))
    if scored:
        assert box_scores(found, tmp_path / 'truth.json', runtime) == pytest.approx(dict(mAP=100, AP50=100))
    else:
        with pytest.raises(ValueError, match='truth.json does not tell the pairs apart'):
            box_scores(found, tmp_path / 'truth.json', runtime)


class Toy(nn.Module):
    """What the toy fuser's file computes."""

    outputs = ('fused', 'common', 'unique_a', 'unique_b', 'alone_visible', 'alone_infrared')

    def forward(self, visible: torch.Tensor, infrared: torch.Tensor) -> tuple[torch.Tensor, ...]:
        a, b = visible / 255, infrared / 255
        common = torch.minimum(a, b)
        return (a + b) / 2, common, a - common, b - common, a, b


@pytest.mark.parametrize('form', [form for form in PRECISIONS if form != 'compiled'])
def test_forms_are_called_alike(items, tmp_path, form):
    """All but the compiled one, which calls a C++ compiler for a minute."""
    if form == 'openvino':
        pytest.importorskip('openvino')
    file = Path(write_toy(tmp_path / 'x.onnx', 'fuse'))
    pair = np.random.default_rng(0).integers(0, 256, (2, 1, 3, 32, 48)).astype(np.uint8)
    network = prepare(form, 'fp32', dict(fp32=file), Toy(), Metadata('fuse'), [], 1)
    (found,) = network(*pair, outputs=['common'])
    np.testing.assert_allclose(found, pair.min(0) / 255, atol=1e-6)
    assert len(network(*pair)) == len(Toy.outputs)
    network.metadata = Metadata('fuse', size=(32, 48))  # such a network takes one pair at a time
    network.run = lambda visible, infrared, run=network.run: run(visible, infrared) if len(visible) == 1 else 1 / 0
    both = np.concatenate([pair, 255 - pair], axis=1)
    np.testing.assert_allclose(network(*both, outputs=['common'])[0], both.min(0) / 255, atol=1e-6)


def test_other_forms_stand_in_for_the_file(items, tmp_path):
    """A form is scored by the runtime of the file."""
    segmenter = OnnxSegmenter(file := write_toy(tmp_path / 'x.onnx', 'segment', size=SIDES), show_progress=False)
    segmenter.network = Form(
        lambda visible, infrared: [(infrared.mean(1) > 127).astype(int)], ['mask'], segmenter.metadata
    )
    assert segmenter(*items[0].images)['predictions'][0].mean() == 0.5
    with pytest.raises(ValueError, match=f'{file} takes images of 60x48, those of .* are 60x40: resize them'):
        segmenter(*(np.zeros((40, 60, 3), np.uint8) for _ in range(2)))


def test_agreement():
    one = np.random.default_rng(0).random((1, 3, 8, 8))
    assert agree('fuse', [one + 0.1], [one]) == pytest.approx(20)
    assert agree('segment', [np.array([[1, 2], [3, 4]])], [np.array([[1, 2], [3, 0]])]) == 75
    logits = np.zeros((1, 2, 2, 2))
    logits[:, 1, 0] = 1
    assert agree('segment', [logits], [1 - logits[:, ::-1]]) == 100 and agree('segment', [logits], [-logits]) == 50
    outputs = np.array([[[0, 0, 9, 9], [0, 0, 5, 5], [0, 0, 0, 0]]]), np.array([[0.9, 0.4, 0]]), np.array([[1, 0, -1]])
    assert agree('detect', outputs, outputs) == 100
    assert agree('detect', [outputs[0] + np.array([20, 0, 20, 0]), *outputs[1:]], outputs) == 0


@pytest.mark.parametrize(
    ('asked', 'written'),
    [
        ([('eager', 'bf16'), ('openvino', 'int8')], ['fp32']),
        ([('onnxruntime', 'int8')], ['fp32', 'int8']),
        ([('onnxruntime', 'fp32'), ('onnxruntime', 'fp16')], ['fp32', 'fp16']),
    ],
)
def test_files_are_written_for_what_is_asked(asked, written, tmp_path, monkeypatch):
    for name in ('to_bytes', 'to_half'):
        monkeypatch.setattr(benchmarking, name, lambda model, *_, name=name: f'{model} {name}')
    monkeypatch.setattr(benchmarking, 'write', lambda model, path: (path.name, model))
    models = dict(fp32='model', int8='model to_bytes', fp16='model to_half')
    found = write_files('model', None, tmp_path, asked, [])
    assert found == {name: (f'{name}.onnx', models[name]) for name in written}
