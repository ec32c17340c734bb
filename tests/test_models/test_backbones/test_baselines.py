import pytest
import torch
from torch.testing import assert_close

from mmdefusion.registry import MODELS

pytest.importorskip('mmdet')
RESNET = dict(type='mmdet.ResNet', depth=18, num_stages=2, strides=(1, 2), dilations=(1, 1), out_indices=(0, 1))


def build(kind: str, **options) -> torch.nn.Module:
    model = MODELS.build(dict(type=f'mmdefusion.{kind}', **options))
    model.init_weights()
    return model.eval()


def test_one_modality_sees_nothing_of_the_other():
    pair = torch.randn(2, 6, 32, 40)
    for modality, other in (('visible', slice(3, 6)), ('infrared', slice(0, 3))):
        model, changed = build('OneModality', backbone=RESNET, modality=modality), pair.clone()
        changed[:, other] = 0
        for one, same in zip(model(pair), model(changed), strict=True):
            assert_close(one, same)
        changed = pair.clone()
        changed[:, [0, 3]] = 0
        assert (model(pair)[0] - model(changed)[0]).abs().max() > 1e-3
    with pytest.raises(ValueError, match="modality='thermal' is none of"):
        build('OneModality', backbone=RESNET, modality='thermal')


def test_early_fusion_takes_weights_of_three_channels(tmp_path):
    plain = build('OneModality', backbone=RESNET).backbone
    torch.save(plain.state_dict(), tmp_path / 'resnet.pth')
    pretrained = dict(type='Pretrained', checkpoint=str(tmp_path / 'resnet.pth'))
    fusing = build('EarlyFusion', backbone=dict(RESNET, in_channels=4, init_cfg=pretrained))
    assert fusing.backbone.conv1.weight.shape[1] == 4
    grey = torch.randn(1, 1, 32, 40)
    for ours, theirs in zip(fusing(grey.expand(-1, 6, -1, -1)), plain(grey.expand(-1, 3, -1, -1)), strict=True):
        assert_close(ours, theirs, atol=1e-5, rtol=1e-4)
    again = build('EarlyFusion', backbone=dict(RESNET, in_channels=4))
    again.load_state_dict(fusing.state_dict())  # its own four channels stay as they are
    assert_close(again.backbone.conv1.weight, fusing.backbone.conv1.weight)
    with pytest.raises(ValueError, match='takes 3 channels: give it in_channels=4'):
        build('EarlyFusion', backbone=RESNET)


@pytest.mark.parametrize('name, channels', [('MobileNetV2', 3), ('EfficientNet', 3), ('CSPDarknet', 12)])
def test_a_first_convolution_that_is_fixed_is_told(name, channels):
    with pytest.raises(ValueError, match=f'mmdet.{name} takes {channels} channels: its first convolution is fixed'):
        build('EarlyFusion', backbone=dict(type=f'mmdet.{name}'))
    with pytest.raises(ValueError, match='mmdet.ResNeXt takes 3 channels: give it in_channels=4'):  # by its base
        build('EarlyFusion', backbone=dict(type='mmdet.ResNeXt', depth=50, groups=1))


def test_two_streams_are_averaged():
    model, pair = build('TwoStreams', backbone=RESNET), torch.randn(1, 6, 32, 40)
    streams = model.visible(pair[:, :3]), model.infrared(pair[:, 3:])
    for ours, visible, infrared in zip(model(pair), *streams, strict=True):
        assert_close(ours, (visible + infrared) / 2)
    assert (model.visible.conv1.weight != model.infrared.conv1.weight).any()
