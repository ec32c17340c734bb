"""What cannot be exported as PyTorch runs it is refused by name, before anything is traced."""

import mmdet.models
import pytest
import torch
from helpers.zoo import CONFIGS
from mmcv.ops import batched_nms
from mmengine.config import ConfigDict
from torch import nn

from mmdefusion.deployment.export import loading
from mmdefusion.deployment.export.detectors import detect_densely, find_head
from mmdefusion.deployment.export.exporting import export_network, trace_loaded
from mmdefusion.deployment.export.loading import Loaded, load, read_pipeline
from mmdefusion.deployment.export.suppression import check_suppression, choose
from mmdefusion.deployment.metadata import Metadata

READING = [dict(type='LoadImageFromFile'), dict(type='mmdefusion.AppendPartner')]
RESIZE = dict(type='Resize', scale=(640, 480))
PLAIN = dict(type='nms', iou_threshold=0.5)
MAE = CONFIGS / 'pretrain/mae_vit-base_8xb64-100k_infrared-224x224.py'
PRETRAINING = CONFIGS / 'pretrain/defusionpp-mcud_vit-tiny_1xb16-600i_sample-224x224.py'


def with_head(name: str, **nms: object) -> nn.Module:
    """A detector with a head of mmdet that nothing is asked of but its class and settings."""
    kind = getattr(mmdet.models, name)
    model, head = nn.Module(), object.__new__(kind)
    nn.Module.__init__(head)
    head.prior_generator, head.test_cfg = None, ConfigDict(nms=dict(PLAIN, **nms))
    model.bbox_head = head
    return model


@pytest.mark.parametrize(
    'name', ['ATSSHead', 'RetinaHead', 'FCOSHead', 'VFNetHead', 'YOLOFHead', 'RTMDetHead', 'FSAFHead']
)
def test_heads_that_decode_as_those_that_were_compared(name):
    assert find_head(with_head(name)) is detect_densely


@pytest.mark.parametrize(
    'name',
    ['PAAHead', 'FoveaHead', 'RepPointsHead', 'TOODHead', 'YOLOXHead', 'YOLOV3Head', 'GFLHead', 'LDHead', 'RPNHead'],
)
def test_heads_that_decode_otherwise(name):
    with pytest.raises(ValueError, match=f'Module with {name} cannot be exported as a whole.*take --what features'):
        find_head(with_head(name))


def test_proposals_of_another_head():
    model = object.__new__(mmdet.models.FasterRCNN)
    nn.Module.__init__(model)
    model.rpn_head = with_head('FCOSHead').bbox_head
    model.roi_head = object.__new__(mmdet.models.StandardRoIHead)
    nn.Module.__init__(model.roi_head)
    with pytest.raises(ValueError, match='FasterRCNN with FCOSHead and StandardRoIHead cannot be exported as a whole'):
        find_head(model)


@pytest.mark.parametrize(
    ('nms', 'said'),
    [
        (dict(type='soft_nms'), "by 'soft_nms' has no standard operator"),
        (dict(max_num=10), 'with max_num=10 cannot be exported: take it out of nms'),
        (dict(score_threshold=0.1, offset=1), 'with score_threshold=0.1, offset=1 cannot be exported'),
        (dict(class_agnostic=True, split_thr=50), 'with split_thr=50 cannot'),
    ],
)
def test_suppression_with_other_settings(nms, said):
    with pytest.raises(ValueError, match=said):
        find_head(with_head('ATSSHead', **nms))


@pytest.mark.parametrize('nms', [None, dict(iou_thr=0.5)])
def test_suppression_without_a_threshold(nms):
    with pytest.raises(ValueError, match='has no iou_threshold: set it'):
        check_suppression(nms)


@pytest.mark.parametrize('agnostic', [False, True])
def test_suppression_by_class_or_of_all_boxes_alike(agnostic):
    corners = torch.rand(1, 80, 2, generator=torch.Generator().manual_seed(0)) * 60
    boxes, labels = torch.cat([corners, corners + 40], dim=2), torch.arange(80)[None] % 3
    scores = torch.linspace(0.9, 0.1, 80)[None]
    nms = dict(PLAIN, class_agnostic=agnostic)
    found, values, kinds = choose(boxes, scores, labels, nms, 80)
    wanted, kept = batched_nms(boxes[0], scores[0], labels[0], nms)
    there = values[0] > 0
    torch.testing.assert_close(torch.cat([found[0], values[0][:, None]], dim=1)[there], wanted)
    assert (kinds[0][there] == labels[0][kept]).all() and (kinds[0][~there] == -1).all()


@pytest.mark.parametrize(
    ('steps', 'said'),
    [
        ([*READING, dict(RESIZE, interpolation='nearest')], r"Resize\(interpolation='nearest'\)"),
        ([*READING, dict(RESIZE, backend='pillow')], r"Resize\(backend='pillow'\)"),
        ([*READING, dict(type='Resize', scale_factor=0.5)], 'Resize without scale'),
        ([*READING, RESIZE, RESIZE], 'a second Resize'),
        ([dict(READING[0], imdecode_backend='pillow'), READING[1]], r"LoadImageFromFile\(imdecode_backend='pillow'\)"),
        ([dict(READING[0], color_type='unchanged'), READING[1]], r"LoadImageFromFile\(color_type='unchanged'\)"),
        ([dict(READING[0], to_float32=True), READING[1]], r'LoadImageFromFile\(to_float32=True\)'),
    ],
)
def test_settings_of_a_pipeline_that_the_runtime_lacks(steps, said):
    with pytest.raises(ValueError, match=f'The test pipeline has {said}, which the runtime does not know'):
        read_pipeline(steps)


def test_settings_of_a_pipeline_that_change_nothing():
    reader = dict(READING[0], backend_args=None, imdecode_backend='cv2', color_type='color')
    resize = dict(RESIZE, backend='cv2', interpolation='bilinear', clip_object_border=False)
    assert read_pipeline([reader, READING[1], resize])['scale'] == (640, 480)
    with pytest.raises(ValueError, match='no AppendPartner: this is no model of pairs'):
        read_pipeline([reader, resize])


@pytest.mark.parametrize('config', [MAE, PRETRAINING], ids=lambda path: path.stem)
def test_our_weights_are_not_those_of_another_config(config):
    with pytest.raises(ValueError, match=f'{config} is not that of the weights .*no PictureFuser.*give the checkpoint'):
        load(str(config), None)


def test_models_of_fused_images(tmp_path):
    """An exported file would take the visible image for the fused one."""
    (config,) = (CONFIGS / 'baselines').glob('resnet18-fused-images_fcn_*.py')
    with pytest.raises(ValueError, match='model of fused images, which an exported file does not fuse by itself'):
        load(str(config), str(tmp_path / 'x.pth'))


def test_our_weights_do_not_fit_a_larger_fuser(tmp_path):
    config = tmp_path / 'larger.py'
    config.write_text(
        f"_base_ = '{CONFIGS / 'fusion/defusionpp_vit-tiny_vifb.py'}'\nmodel = dict(backbone=dict(arch='small'))\n"
    )
    with pytest.raises(ValueError, match='larger.py is not that of the weights .*give the checkpoint'):
        load(str(config), None)
    assert load(str(CONFIGS / 'fusion/defusionpp_vit-tiny_llvip.py'), None).metadata.task == 'fuse'


@pytest.mark.parametrize('size', [(-16, 32), (0, 0), (16, 9008), (8192, 8192)], ids=str)
def test_sizes_that_the_runtime_would_not_read(size, tmp_path, monkeypatch):
    monkeypatch.setattr(loading.Config, 'fromfile', lambda _: pytest.fail('the config was loaded'))
    with pytest.raises(ValueError, match=f'--size {size[1]}x{size[0]} cannot be exported: give two sides of 1 to 8192'):
        export_network('absent.py', None, tmp_path / 'x.onnx', size=size)


@pytest.mark.parametrize(
    ('fields', 'said'),
    [
        (
            dict(scale=(99_999, 640)),
            'scale of Resize in the test pipeline 99999x640 cannot be exported: give two sides',
        ),
        (dict(thermal_range=(0.0, 1e10)), 'fixed_range of AppendPartner cannot be exported with the value'),
        (dict(classes=('a',) * 10_001), 'classes of the data set cannot be exported with the value'),
        (dict(classes=('a', 'b'), palette=((0, 0, 0),)), '2 classes and 1 colours'),
    ],
)
def test_metadata_that_the_runtime_would_not_read(fields, said):
    with pytest.raises(ValueError, match=said) as error:
        trace_loaded(Loaded(nn.Module(), None, Metadata('detect', **fields)), None)
    assert '\n' not in str(error.value) and len(str(error.value)) < 300


def test_files_that_cannot_be_written(tmp_path):
    (tmp_path / 'x.onnx').mkdir()
    with pytest.raises(OSError, match='x.onnx is a folder: name a file'):
        export_network('absent.py', None, tmp_path / 'x.onnx')
    (tmp_path / 'file').write_text('')
    with pytest.raises(OSError, match='Nothing can be written into .*file .*choose another folder'):
        export_network('absent.py', None, tmp_path / 'file/x.onnx')
