"""Regions of two-stage detectors are cut out as mmdet does it; what would be cut out otherwise is refused."""

import pytest
import torch
from helpers.spread_heads import small_network
from helpers.zoo import CONFIGS
from mmdet.models import SingleRoIExtractor
from mmdet.registry import MODELS
from mmengine.config import Config
from torch import nn
from torch.nn.functional import avg_pool2d

from mmdefusion.deployment.export.exporting import export_network, translations
from mmdefusion.deployment.export.inputs import PairInput
from mmdefusion.deployment.export.segmenters import ExportedSegmenter
from mmdefusion.deployment.export.two_stages import check_stages, extract
from mmdefusion.deployment.export.writing import trace
from mmdefusion.models.data_preprocessors import PairNormalizer

FASTER = CONFIGS / 'detection/defusionpp_vit-tiny_faster-rcnn_1xb4-500i_scenes-160x128.py'


def extractor(kind: str = 'RoIAlign', **layer: object) -> dict:
    return dict(
        type='SingleRoIExtractor',
        roi_layer=dict(type=kind, output_size=7, **layer),
        out_channels=8,
        featmap_strides=[4, 8, 16, 32],
    )


@pytest.mark.parametrize('samples', [0, 2])
def test_regions_of_several_levels(samples):
    settings = extractor(sampling_ratio=samples)
    settings.pop('type')
    wanted = SingleRoIExtractor(**settings)
    maps = [1 + torch.randn(2, 8, 64 >> level, 64 >> level) for level in range(4)]
    boxes = torch.tensor([[10.0, 12.0, 60.0, 50.0], [5.0, 5.0, 200.0, 180.0], [0.0, 0.0, 250.0, 255.0]])
    images = torch.tensor([0, 1, 1])
    found = extract(wanted, maps, images, boxes)
    torch.testing.assert_close(found, wanted(maps, torch.cat([images[:, None].float(), boxes], dim=1)))


class Cut(nn.Module):
    """Regions of several levels, cut out of the visible image."""

    outputs = ('regions',)

    def __init__(self) -> None:
        super().__init__()
        settings = dict(extractor(sampling_ratio=2), out_channels=3)
        settings.pop('type')
        self.extractor = SingleRoIExtractor(**settings)
        self.register_buffer('boxes', torch.tensor([[10.0, 12.0, 60.0, 50.0], [5.0, 5.0, 120.0, 125.0]]))
        self.register_buffer('images', torch.zeros(2, dtype=torch.long))

    def maps(self, visible: torch.Tensor) -> list[torch.Tensor]:
        return [avg_pool2d(visible, stride) for stride in (4, 8, 16, 32)]

    def forward(self, visible: torch.Tensor, infrared: torch.Tensor) -> tuple[torch.Tensor]:
        return (extract(self.extractor, self.maps(visible + 0 * infrared), self.images, self.boxes),)


def test_regions_in_a_file():
    """onnxruntime gives a corner's value for a box without area, if the samples are two."""
    onnxruntime = pytest.importorskip('onnxruntime')
    module = Cut().eval()
    model = trace(module, module.outputs, (128, 128), translations('detect'))
    visible, infrared = torch.rand(2, 1, 3, 128, 128) * 255
    session = onnxruntime.InferenceSession(model.SerializeToString())
    (found,) = session.run(None, dict(visible=visible.numpy(), infrared=infrared.numpy()))
    rois = torch.cat([module.images[:, None].float(), module.boxes], dim=1)
    torch.testing.assert_close(torch.from_numpy(found), module.extractor(module.maps(visible), rois))


@pytest.mark.soak
def test_a_detector_with_two_samples_in_each_bin(tmp_path):
    """The number of many stock configs; ours have 0."""
    config = tmp_path / 'samples.py'
    layer = 'dict(bbox_roi_extractor=dict(roi_layer=dict(sampling_ratio=2)))'
    config.write_text(f"_base_ = '{FASTER}'\nmodel = dict(roi_head={layer})\n")
    net = small_network(config, tmp_path)
    assert Config.fromfile(net.config).model.roi_head.bbox_roi_extractor.roi_layer.sampling_ratio == 2
    done = export_network(net.config, net.checkpoint, tmp_path / 'x.onnx', verification=net.pairs)
    assert done.comparison.passed, done.comparison.text


def roi_head(**parts: object) -> nn.Module:
    head = dict(type='Shared2FCBBoxHead', in_channels=8, fc_out_channels=4, num_classes=2)
    return MODELS.build(
        dict(
            type='StandardRoIHead',
            **{'bbox_roi_extractor': extractor(), 'bbox_head': head, **parts},
            train_cfg=None,
            test_cfg=dict(score_thr=0.05, nms=dict(type='nms', iou_threshold=0.5), max_per_img=100),
        )
    )


def test_plain_stages_are_taken():
    check_stages(roi_head())


@pytest.mark.parametrize(
    ('parts', 'said'),
    [
        (dict(bbox_roi_extractor=extractor(aligned=False)), r'RoIAlign\(aligned=False\)'),
        (dict(bbox_roi_extractor=extractor(pool_mode='max')), r"RoIAlign\(pool_mode='max'\)"),
        (dict(bbox_roi_extractor=extractor('RoIPool')), 'RoIPool'),
        (dict(bbox_roi_extractor=dict(extractor(), type='GenericRoIExtractor')), 'GenericRoIExtractor'),
        (dict(bbox_head=dict(type='SABLHead', num_classes=2)), 'SABLHead'),
        (
            dict(
                bbox_head=dict(
                    type='Shared2FCBBoxHead',
                    in_channels=8,
                    fc_out_channels=4,
                    num_classes=2,
                    loss_cls=dict(type='SeesawLoss', num_classes=2),
                )
            ),
            'SeesawLoss, which makes scores in its own way,',
        ),
    ],
)
def test_stages_of_another_kind_are_refused(parts, said):
    with pytest.raises(ValueError, match=f'StandardRoIHead with {said} cannot be exported as a whole.*--what features'):
        check_stages(roi_head(**parts))


def test_padding_with_a_value_is_refused():
    """PyTorch shows it to the network as image; a file's padding is marked."""
    with pytest.raises(ValueError, match=r'Padding of the value 114 cannot be exported: leave pad_value'):
        PairInput(PairNormalizer(), 32, 114)
    PairInput(PairNormalizer(), 1, 114)  # nothing is padded


def test_padding_to_one_size_is_refused():
    model = nn.Module()
    model.test_cfg, model.decode_head, model.data_preprocessor = {}, nn.Identity(), nn.Module()
    model.data_preprocessor.test_cfg = dict(size=(512, 512))
    with pytest.raises(ValueError, match=r'test_cfg=dict\(size=\(512, 512\)\) of the data preprocessor cannot'):
        ExportedSegmenter(model)
