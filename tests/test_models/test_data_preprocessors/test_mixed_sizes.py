"""Predictions of real heads on pictures of several sizes in one batch, against those of each picture alone."""

import pytest
import torch
from helpers.zoo import CONFIGS
from mmengine.structures import PixelData
from torch import nn
from torch.testing import assert_close

from mmdefusion.models.data_preprocessors import det_data_preprocessor
from mmdefusion.models.layers import Content
from mmdefusion.registry import MODELS

pytest.importorskip('mmdet')
pytest.importorskip('mmseg')
from helpers.mixed_sizes import SAMPLES, SIZES, build, found_again, pairs, zoo
from mmdet.structures import DetDataSample


@torch.no_grad()
def predict(model: nn.Module, scope: str, items: list) -> list:
    samples = [SAMPLES[scope](metainfo=dict(meta)) for _, meta in items]
    return model.test_step(dict(inputs=[image for image, _ in items], data_samples=samples))


DEMO = CONFIGS / 'demo/defusionpp_vit-nano_atss_1xb2-500_scenes-160x128.py'
REACH = 5  # cells that RetinaNet's five convolutions look away


def test_scores_beside_other_pictures():
    """Behind the reach of its convolutions a head without means over maps finds what it finds in each picture alone."""
    model, items = build(zoo('retinanet')), pairs()

    @torch.no_grad()
    def scores(*items) -> torch.Tensor:
        samples = [DetDataSample(metainfo=dict(meta)) for _, meta in items]
        data = model.data_preprocessor(dict(inputs=[image for image, _ in items], data_samples=samples))
        return model.bbox_head(model.extract_feat(data['inputs']))[0][0].sigmoid()

    together = scores(*items)
    for ours, item, (width, height) in zip(together, items, SIZES, strict=True):
        inside = ..., slice(height // 4 - REACH), slice(width // 4 - REACH)
        assert_close(ours[inside], scores(item)[0][inside], atol=1e-4, rtol=0)


def test_detections_beside_other_pictures():
    """ATSS's GroupNorm takes means over whole maps; untrained it exaggerates: a trained head finds 85 % again."""
    model, items = build(DEMO), pairs()
    for ours, item in zip(predict(model, 'mmdet', items), items, strict=True):
        (alone,) = predict(model, 'mmdet', [item])
        assert len(alone.pred_instances) > 300
        assert found_again(ours, alone) > 0.45  # 0.3 where positions and attention take padding for picture


def test_several_sizes_in_a_test_are_warned_of_once(monkeypatch):
    said = []
    monkeypatch.setattr(det_data_preprocessor, 'print_log', lambda message, *_: said.append(message))
    preprocessor = MODELS.build(dict(type='mmdefusion.PairedDetDataPreprocessor'))
    (first, _), (second, _) = pairs()[:2]
    for images, training in (([first, first], False), ([first, second], True), *2 * [([first, second], False)]):
        samples = [DetDataSample(metainfo=dict(img_shape=tuple(image.shape[1:]))) for image in images]
        preprocessor(dict(inputs=images, data_samples=samples), training)
    (message,) = said
    assert '[(112, 152), (128, 160)]' in message and "Set batch_size=1 or val_cfg.type='mmdefusion.OneSize" in message


def test_detections_whatever_the_padding():
    (item,) = pairs([(152, 112)])
    plain, padded = (predict(build(DEMO, pad_size_divisor=side), 'mmdet', [item])[0] for side in (1, 128))
    assert found_again(padded, plain) > 0.4  # 0.26


@pytest.mark.parametrize('head, bound', [('fcn', 0.93), ('segformer', 0.88), ('upernet', 0.82)])
def test_segmentation_whatever_the_padding(head, bound):
    (item,) = pairs([(152, 112)])
    (alone,) = predict(build(zoo(head)), 'mmseg', [item])
    for side in (32, 128):
        (padded,) = predict(build(zoo(head), test_cfg=dict(size_divisor=side)), 'mmseg', [item])
        assert padded.pred_sem_seg.shape == (112, 152)
        assert (padded.pred_sem_seg.data == alone.pred_sem_seg.data).float().mean() > bound


def test_segmenters_refuse_several_sizes_in_a_test():
    with pytest.raises(ValueError, match=r'sizes \[\(112, 152\).*set batch_size=1'):
        predict(build(zoo('fcn')), 'mmseg', pairs())


@pytest.mark.parametrize('scope', SAMPLES)
def test_what_is_padded_in_training_is_marked(scope):
    kind, option = {'mmdet': ('Det', 'pad_size_divisor'), 'mmseg': ('Seg', 'size_divisor')}[scope]
    preprocessor = MODELS.build({'type': f'mmdefusion.Paired{kind}DataPreprocessor', option: 64})
    items = pairs()
    samples = [SAMPLES[scope](metainfo=dict(meta)) for _, meta in items]
    if scope == 'mmseg':
        for sample, (image, _) in zip(samples, items, strict=True):
            sample.gt_sem_seg = PixelData(data=torch.zeros(1, *image.shape[1:], dtype=torch.long))
    data = dict(inputs=[image for image, _ in items], data_samples=samples)
    batch = preprocessor(data, training=True)['inputs']
    assert Content.of(batch) == ((192, 192), tuple(size[::-1] for size in SIZES))


@pytest.mark.parametrize('pad_value', [0, 3])
def test_places_end_with_their_image_whatever_it_is_padded_with(pad_value):
    preprocessor = det_data_preprocessor.PairedDetDataPreprocessor(pad_size_divisor=32, pad_value=pad_value)
    preprocessor.number_of = {('a', None): 0, ('b', None): 4}.__getitem__
    samples = [
        DetDataSample(metainfo=dict(img_path=path, img_shape=shape))
        for path, shape in (('a', (32, 40)), ('b', (64, 64)))
    ]
    images = [torch.full((7, *sample.img_shape), 255.0) for sample in samples]
    numbers = preprocessor(dict(inputs=images, data_samples=samples), training=True)['inputs'][:, 8]
    assert numbers[0, :32, :40].unique().tolist() == [1] and numbers[0].sum() == 32 * 40
    assert numbers[1].unique().tolist() == [5]
