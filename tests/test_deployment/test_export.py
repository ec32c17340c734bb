"""Exported files of every head do what PyTorch does, at any size."""

import cv2
import numpy as np
import pytest
import torch
from helpers.spread_heads import small_network
from helpers.zoo import HEADS
from torch import nn

from mmdefusion.deployment import OnnxFuser, read_metadata
from mmdefusion.deployment.export.exporting import export_network
from mmdefusion.deployment.export.fuser import ExportedFuser
from mmdefusion.deployment.export.loading import read_pipeline
from mmdefusion.deployment.export.segmenters import PoolByProducts
from mmdefusion.deployment.export.verifying import match_boxes
from mmdefusion.models.backbones import Architecture
from mmdefusion.models.fusers import ImageFuser
from mmdefusion.models.layers.padding import PADDING, Content, ExportedContent
from mmdefusion.models.networks.network_config import build_parts
from mmdefusion.scenes import SceneGenerator

# of the zoo's heads those that are exported as a whole: masks of instances are not
WHOLE = [path for path in HEADS if not any(word in path.stem for word in ('mask-rcnn', '-prior', 'dropout'))]


@pytest.mark.soak
@pytest.mark.parametrize('path', WHOLE, ids=lambda path: path.stem)
def test_every_head(path, tmp_path):
    net = small_network(path, tmp_path)
    done = export_network(net.config, net.checkpoint, tmp_path / 'x.onnx', verification=net.pairs)
    assert done.comparison.passed, done.comparison.text
    assert read_metadata(done.file).classes == net.classes


@pytest.mark.soak
def test_our_own_fuser(tmp_path):
    config = str(HEADS[0].parents[1] / 'fusion/defusionpp_vit-tiny_vifb.py')
    for folder, channel in (('vi', 'visible'), ('ir', 'infrared')):
        (tmp_path / folder).mkdir()
        cv2.imwrite(str(tmp_path / folder / 'x.png'), getattr(SceneGenerator((331, 257))(0), channel))
    done = export_network(config, None, tmp_path / 'fuser.onnx', verification=str(tmp_path))
    assert done.comparison.passed, done.comparison.text
    pair = [str(tmp_path / name / 'x.png') for name in ('vi', 'ir')]
    ours = OnnxFuser(done.file, show_progress=False).fuse(pair, parts=True).images
    theirs = done.loaded.inferencer.fuse(pair, parts=True).images
    for name, image in theirs.items():
        assert np.abs(ours[name].astype(int) - image).max() <= 1, name


def test_a_fuser_is_exported(tmp_path):
    """The one export of the fast tests: a network of two blocks, for one size."""
    onnxruntime = pytest.importorskip('onnxruntime')
    from mmdefusion.deployment.export.writing import finish, trace, write
    from mmdefusion.deployment.metadata import Metadata

    fuser = ImageFuser(**build_parts(Architecture(16, 2, 2, 2), common='mean')).eval()
    module = ExportedFuser(fuser)
    model = finish(trace(module, module.outputs, (35, 49)), Metadata('fuse', size=(35, 49), pixels='uint8'))
    session = onnxruntime.InferenceSession(write(model, tmp_path / 'fuser.onnx'))
    visible, infrared = (torch.randint(0, 256, (1, channels, 35, 49), dtype=torch.uint8) for channels in (3, 1))
    with torch.no_grad():
        wanted = module(visible.float(), infrared.float().expand(-1, 3, -1, -1))
    for grey in (infrared, infrared.expand(-1, 3, -1, -1)):
        found = session.run(None, dict(visible=visible.numpy(), infrared=grey.numpy()))
        for one, other in zip(found, wanted, strict=True):
            np.testing.assert_allclose(one, other.numpy(), atol=1e-4)
    assert {node.domain for node in model.graph.node} <= {''}


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
    torch.testing.assert_close(exported.pictures(batch), found.pictures(batch))


def test_steps_of_a_pipeline_that_the_runtime_lacks_are_named():
    reading = [dict(type='LoadImageFromFile'), dict(type='mmdefusion.AppendPartner', channels=3, fixed_range=(10, 90))]
    known = read_pipeline([*reading, dict(type='Resize', scale=640, keep_ratio=True), dict(type='PackDetInputs')])
    assert known == dict(
        scale=(640, 640), keep_ratio=True, infrared_channels=3, percentiles=(1.0, 99.0), thermal_range=(10, 90)
    )
    with pytest.raises(ValueError, match='has RandomFlip, which the runtime does not know'):
        read_pipeline([*reading, dict(type='RandomFlip', prob=1.0)])


def test_boxes_are_matched_one_by_one():
    one = dict(bboxes=[[0, 0, 100, 100], [50, 50, 90, 90]], scores=[0.9, 0.5], labels=[0, 1])
    assert match_boxes(one, one) == (2, 2)  # the last one is at the edge of what is kept
    assert match_boxes(one, one | dict(labels=[1, 1])) == (0, 2)
    assert match_boxes(one, one | dict(bboxes=[[0, 0, 100, 97], [50, 50, 90, 90]])) == (0, 2)
    assert match_boxes(one, one | dict(scores=[0.88, 0.5])) == (0, 2)
    assert match_boxes(one, dict(bboxes=[], scores=[], labels=[])) == (0, 1)


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
