"""Exported files of every head do what PyTorch does, at any size."""

from dataclasses import replace

import cv2
import numpy as np
import onnx
import pytest
import torch
from helpers.spread_heads import small_network, write_pairs
from helpers.zoo import CONFIGS, HEADS
from torch import nn

from mmdefusion.deployment import OnnxFuser, read_metadata
from mmdefusion.deployment.export.exporting import export_network, to_bytes, trace_loaded, translations
from mmdefusion.deployment.export.fuser import ExportedFuser
from mmdefusion.deployment.export.halving import to_half
from mmdefusion.deployment.export.inputs import PairInput, name_maps
from mmdefusion.deployment.export.loading import Cut, Loaded, load, read_pipeline
from mmdefusion.deployment.export.operators import sample
from mmdefusion.deployment.export.pairs import RUNTIMES, find_pairs
from mmdefusion.deployment.export.quantising import quantise
from mmdefusion.deployment.export.segmenters import PoolByProducts
from mmdefusion.deployment.export.verifying import match_boxes, verify
from mmdefusion.deployment.export.writing import finish, slices_kept, trace, write
from mmdefusion.deployment.masks import encode
from mmdefusion.deployment.metadata import Metadata
from mmdefusion.deployment.network import OnnxNetwork
from mmdefusion.models.backbones import Architecture
from mmdefusion.models.data_preprocessors import PairNormalizer
from mmdefusion.models.fusers import ImageFuser
from mmdefusion.models.layers.padding import PADDING, Content, ExportedContent
from mmdefusion.models.networks.network_config import build_parts
from mmdefusion.scenes import SceneGenerator

WHOLE = [path for path in HEADS if not any(word in path.stem for word in ('-prior', 'dropout'))]
# smallest share of boxes that match with 16 bits, where each stage or layer rounds the boxes of the one before
HALVES = {'rcnn': 0.5, 'dino': 0.9}
# maps of ours, and of a neck of mmdet's
WITH_MAPS = [
    CONFIGS / 'detection/defusionpp_vit-tiny_atss_1xb4-500i_scenes-160x128.py',
    CONFIGS / 'segmentation/defusionpp_vit-tiny_fcn_1xb4-500i_scenes-160x128.py',
    CONFIGS / 'baselines/resnet18-visible_atss_1xb4-500i_scenes-160x128.py',
]
FUSER = str(CONFIGS / 'fusion/defusionpp_vit-tiny_vifb.py')


@pytest.mark.soak
@pytest.mark.parametrize('path', WHOLE, ids=lambda path: path.stem)
def test_every_head(path, tmp_path):
    """A file of 32 bits does what PyTorch does, for pixels of either dtype; one of 16 bits nearly; one of 8 runs."""
    net = small_network(path, tmp_path)
    loaded, items = load(net.config, net.checkpoint), find_pairs(net.pairs)
    assert loaded.metadata.classes == net.classes
    traced = trace(loaded.module, loaded.module.outputs, None, translations(loaded.metadata.task))
    for pixels in ('uint8', 'float32'):
        metadata = replace(loaded.metadata, pixels=pixels)
        model = finish(traced, metadata)
        file = write(model, tmp_path / f'{pixels}.onnx')
        found = verify(file, loaded, items)
        assert found.passed, f'{pixels}: {found.text}'
    print('fp32', found.text)  # pytest -rP shows what each form keeps, for docs/deployment_record.md
    half = write(to_half(model, metadata), tmp_path / 'half.onnx')
    assert half.stat().st_size < 0.7 * file.stat().st_size  # the graph stays as large
    found = verify(half, loaded, items)
    print('fp16', found.text)
    assert found.value > next((least for name, least in HALVES.items() if name in path.stem), 0.95)
    small = write(to_bytes(model, metadata, items), tmp_path / 'small.onnx')
    print('int8', verify(small, loaded, items).text)
    assert small.stat().st_size < 0.65 * file.stat().st_size
    for exported, precision in ((half, 'fp16'), (small, 'int8')):
        runtime = RUNTIMES[metadata.task](exported, show_progress=False)
        assert runtime.metadata == replace(metadata, precision=precision)
        predictions = runtime(str(tmp_path / 'vi'), str(tmp_path / 'ir'))['predictions']
        found = [one['scores'] if metadata.task == 'detect' else np.unique(one) for one in predictions]
        assert len(found) == len(items) and min(map(len, found)) > 1  # several boxes, or several classes


@pytest.mark.soak
@pytest.mark.parametrize('path', WITH_MAPS, ids=lambda path: path.stem)
@pytest.mark.parametrize('half', [False, True])
def test_features(path, half, tmp_path):
    net = small_network(path, tmp_path)
    done = export_network(
        net.config, net.checkpoint, tmp_path / 'x.onnx', 'features', half=half, verification=net.pairs
    )
    assert done.comparison.passed or (half and done.comparison.value < 0.1), done.comparison.text
    assert OnnxNetwork(done.file).outputs[:2] == ['stride_4', 'stride_8']


@pytest.fixture
def windowed(tmp_path):
    """A segmenter with windows and coarse keys, its weights, and pairs."""
    net = small_network(next(path for path in WHOLE if 'defusionpp_vit-tiny_fcn' in path.stem), tmp_path)
    config = tmp_path / 'windowed.py'
    config.write_text(f"_base_ = '{net.config}'\nmodel = dict(backbone=dict(window=3, global_blocks=1, pooling=2))\n")
    return str(config), net.checkpoint, net.pairs


def test_windows_are_for_one_size(windowed, tmp_path):
    with pytest.raises(ValueError, match=r'attends within windows.*name it \(--size 640x512, say\)'):
        export_network(*windowed[:2], tmp_path / 'x.onnx')


@pytest.mark.soak
def test_an_encoder_of_several_scales_of_any_size(tmp_path):
    net = small_network(next(path for path in WHOLE if 'defusionpp_vit-tiny_fcn' in path.stem), tmp_path)
    config = tmp_path / 'scales.py'
    config.write_text(f"_base_ = '{net.config}'\nmodel = dict(backbone=dict(type='mmdefusion.MultiScaleEncoder'))\n")
    done = export_network(str(config), net.checkpoint, tmp_path / 'x.onnx', verification=net.pairs)
    assert done.comparison.passed, done.comparison.text


@pytest.mark.soak
@pytest.mark.parametrize('task, head', [('segmentation', 'fcn'), ('detection', 'atss')])
def test_a_backbone_as_a_prior_of_any_size(task, head, tmp_path):
    base = CONFIGS / f'{task}/defusionpp-guided_vit-tiny_{head}_1xb4-500i_scenes-160x128.py'
    toolbox = 'mmdet' if task == 'detection' else 'mmseg'
    prior = dict(
        type='mmdefusion.BackbonePrior',
        backbone=dict(type='mmdefusion.EarlyFusion', backbone=dict(type='mmdefusion.EfficientNetLite0', in_channels=4)),
        neck=dict(type=f'{toolbox}.FPN', in_channels=[24, 40, 112, 320]),
    )
    config = tmp_path / 'beside.py'
    config.write_text(f"_base_ = '{base}'\nmodel = dict(backbone=dict(spatial_prior={prior}))\n")
    net = small_network(config, tmp_path)
    done = export_network(net.config, net.checkpoint, tmp_path / 'x.onnx', verification=net.pairs)
    assert done.comparison.passed, done.comparison.text
    print(done.comparison.text)


@pytest.mark.soak
def test_windows_and_coarse_keys_of_one_size(windowed, tmp_path):
    for file in tmp_path.glob('*/[1-9].png'):
        file.unlink()  # pairs of other sizes
    done = export_network(*windowed[:2], tmp_path / 'x.onnx', size=(117, 149), verification=windowed[2])
    assert done.comparison.passed, done.comparison.text


@pytest.mark.soak
@pytest.mark.parametrize('what', ['model', 'features'])
def test_options_of_the_fuser(what, tmp_path):
    write_pairs(tmp_path)
    options = dict(what=what, pixels='uint8', verification=str(tmp_path))
    for name, option, largest in (('half', dict(half=True), 0.05), ('small', dict(calibration=str(tmp_path)), 0.5)):
        done = export_network(FUSER, None, tmp_path / f'{name}.onnx', **options, **option)
        size = 1 if what == 'model' else 30  # of images, and of fused tokens
        assert 0 < done.comparison.value < largest * size, done.comparison.text


@pytest.mark.soak
def test_our_own_fuser(tmp_path):
    for folder, channel in (('vi', 'visible'), ('ir', 'infrared')):
        (tmp_path / folder).mkdir()
        cv2.imwrite(str(tmp_path / folder / 'x.png'), getattr(SceneGenerator((331, 257))(0), channel))
    done = export_network(FUSER, None, tmp_path / 'fuser.onnx', verification=str(tmp_path))
    assert done.comparison.passed, done.comparison.text
    pair = [str(tmp_path / name / 'x.png') for name in ('vi', 'ir')]
    ours = OnnxFuser(done.file, show_progress=False).fuse(pair, parts=True).images
    theirs = done.loaded.inferencer.fuse(pair, parts=True).images
    for name, image in theirs.items():
        assert np.abs(ours[name].astype(int) - image).max() <= 1, name


def test_a_fuser_is_exported(tmp_path):
    """The one export of the fast tests: a network of two blocks, for one size, in each precision."""
    onnxruntime = pytest.importorskip('onnxruntime')
    fuser = ImageFuser(**build_parts(Architecture(16, 2, 2, 2), common='mean')).eval()
    module, metadata = ExportedFuser(fuser), Metadata('fuse', size=(35, 49), pixels='uint8')
    model = finish(trace(module, module.outputs, (35, 49)), metadata)
    visible, infrared = (torch.randint(0, 256, (1, channels, 35, 49), dtype=torch.uint8) for channels in (3, 1))
    with torch.no_grad():
        wanted = module(visible.float(), infrared.float().expand(-1, 3, -1, -1))
    pairs = [(visible.float().numpy(), infrared.float().numpy())]
    models = dict(
        fp32=(model, 1e-4), fp16=(to_half(model, metadata), 2e-2), int8=(quantise(model, metadata, pairs), 0.2)
    )
    for precision, (written, tolerance) in models.items():
        file = write(written, tmp_path / f'{precision}.onnx')
        assert read_metadata(file) == replace(metadata, precision=precision)
        assert {node.domain for node in written.graph.node} <= {''}
        session = onnxruntime.InferenceSession(file)
        for grey in (infrared, infrared.expand(-1, 3, -1, -1)):
            found = session.run(None, dict(visible=visible.numpy(), infrared=grey.numpy()))
            for one, other in zip(found, wanted, strict=True):
                np.testing.assert_allclose(one, other.numpy(), atol=tolerance)


class Warp(nn.Module):
    """Samples the visible image at places that the infrared one tells, some of them outside."""

    outputs = ('warped',)

    def forward(self, visible: torch.Tensor, infrared: torch.Tensor) -> tuple[torch.Tensor]:
        return (sample(visible, infrared[:, :2].permute(0, 2, 3, 1) / 100 - 1.2),)


def test_places_are_sampled_alike_at_any_size():
    onnxruntime = pytest.importorskip('onnxruntime')
    model = finish(trace(Warp(), Warp.outputs, translations=translations('detect')), Metadata('fuse'))
    assert [node.op_type for node in model.graph.node].count('GridSample') == 1
    session = onnxruntime.InferenceSession(model.SerializeToString())
    for batch, height, width in ((1, 13, 20), (3, 8, 7)):
        visible, infrared = (torch.rand(batch, 3, height, width) * 255 for _ in range(2))
        (found,) = session.run(None, dict(visible=visible.numpy(), infrared=infrared.numpy()))
        grid = infrared[:, :2].permute(0, 2, 3, 1) / 100 - 1.2
        wanted = nn.functional.grid_sample(visible, grid, align_corners=False)
        np.testing.assert_allclose(found, wanted, atol=1e-2)  # of 255


def test_the_slow_rule_of_the_optimizer_is_off():
    """And on again afterwards, for other users of onnxscript."""
    optimizer = pytest.importorskip('onnxscript.optimizer')
    halves = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["": 18]> halves (float[3, 8] x) => (float[3, 4] a, float[3, 4] b)'
        '<int64[1] zero = {0}, int64[1] half = {4}, int64[1] end = {8}, int64[1] axis = {1}>'
        '{ d = Slice(x, half, end, axis) c = Slice(x, zero, half, axis) a = Sigmoid(c) b = Sigmoid(d) }'
    )
    with slices_kept():
        assert [node.op_type for node in optimizer.optimize(halves).graph.node][:2] == ['Slice', 'Slice']
    assert [node.op_type for node in optimizer.optimize(halves).graph.node][:1] == ['Split']


def test_maps_are_named_by_their_strides():
    class Dilated:
        def extract_feat(self, pair: torch.Tensor) -> list[torch.Tensor]:
            return [pair[..., ::stride, ::stride] for stride in (4, 8, 8)]

    pair_input = PairInput(PairNormalizer(), 1)
    assert name_maps(Dilated(), pair_input) == ('stride_4', 'stride_8_1', 'stride_8_2')


@pytest.mark.parametrize('length', [6, 7, 13, 20])
def test_pooling_by_products(length):
    maps = torch.randn(2, 3, length, 11)
    for side in (2, 3, 6):
        torch.testing.assert_close(PoolByProducts(side)(maps), nn.AdaptiveAvgPool2d(side)(maps))


@pytest.mark.parametrize('size', [(100, 149), (33, 64), (128, 96)], ids=str)
@pytest.mark.parametrize('stride', [4, 8, 16, 32])
def test_maps_over_padding_are_those_of_a_marked_batch(size, stride):
    batch = torch.randn(2, 6, *(-(-side // 32) * 32 for side in size))
    batch[..., size[0] :, :] = PADDING
    batch[..., size[1] :] = PADDING
    found, exported = Content.of(batch), ExportedContent(tuple(batch.shape[-2:]), (size,))
    maps = torch.randn(2, 3, *(-(-(-(-side // 16) * 16) // stride) for side in size))
    torch.testing.assert_close(exported.fit(maps, stride), found.fit(maps, stride))
    torch.testing.assert_close(exported.without_padding(batch), found.without_padding(batch))


def test_steps_of_a_pipeline_that_the_runtime_lacks_are_named():
    reading = [dict(type='LoadImageFromFile'), dict(type='mmdefusion.AppendPartner', channels=3, fixed_range=(10, 90))]
    known = read_pipeline([*reading, dict(type='Resize', scale=640, keep_ratio=True), dict(type='PackDetInputs')])
    assert known == dict(
        scale=(640, 640), keep_ratio=True, infrared_channels=3, percentiles=(1.0, 99.0), thermal_range=(10, 90)
    )
    with pytest.raises(ValueError, match='has RandomFlip, which the runtime does not know'):
        read_pipeline([*reading, dict(type='RandomFlip', prob=1.0)])


def test_a_fuser_for_parts_of_patches_is_refused():
    """Its runtime lays windows of the file's size over larger images."""
    loaded = Loaded(torch.nn.Module(), None, Metadata('fuse'))
    with pytest.raises(ValueError, match=r'--size 64x100: .* whole patches of 16 pixels: take --size 64x112, or none'):
        trace_loaded(loaded, (100, 64))


def test_boxes_are_matched_one_by_one():
    one = dict(bboxes=[[0, 0, 100, 100], [50, 50, 90, 90]], scores=[0.9, 0.5], labels=[0, 1])
    none = dict(bboxes=[], scores=[], labels=[])
    assert match_boxes(one, one) == (4, 4)
    assert match_boxes(one, one | dict(labels=[1, 1])) == (2, 4)
    assert match_boxes(one, one | dict(bboxes=[[0, 0, 100, 97], [50, 50, 90, 90]])) == (2, 4)
    assert match_boxes(one, one | dict(scores=[0.88, 0.5])) == (2, 4)
    assert match_boxes(one, none) == (0, 2) and match_boxes(none, none) == (0, 0)
    alone = {key: values[:1] for key, values in one.items()}
    assert match_boxes(one, alone) == (2, 3) and match_boxes(alone, alone) == (2, 2)
    # at the edge of what is kept rounding decides: of as many boxes as there may be, or near the least score
    assert match_boxes(one, alone, Cut(count=2)) == (2, 2)
    assert match_boxes(one, alone, Cut(0.495)) == (2, 2) and match_boxes(one, alone, Cut(0.48)) == (2, 3)
    mask = np.zeros((100, 100), bool)
    mask[10:90, 10:90] = True
    other = mask.copy()
    other[10, 10:74] = False  # an IoU of 0.99
    near, far = (one | dict(masks=[encode(kept), encode(mask)]) for kept in (other, mask & (np.arange(100) < 85)))
    whole = one | dict(masks=[encode(mask), encode(mask)])
    assert match_boxes(whole, near) == (4, 4) and match_boxes(whole, far) == (2, 4)


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(half=True, calibration='x'), 'not both: leave one out'),
        (dict(out='model.pt'), 'must end in .onnx'),
        (dict(verification='absent'), 'absent has no two folders of pairs'),
    ],
)
def test_calls_that_cannot_work(arguments, message):
    with pytest.raises((ValueError, OSError), match=message):
        export_network('absent.py', None, **dict(dict(out='model.onnx'), **arguments))
