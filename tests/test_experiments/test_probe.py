import math
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.pretraining import SMALL
from mmengine.config import Config
from PIL import Image

from mmdefusion.experiments.probe import Patches, ProbeSettings, average_precision, probe
from mmdefusion.experiments.probe.features import FeatureReader
from mmdefusion.experiments.probe.pairs import LabelledPairs, label_boxes, label_map
from mmdefusion.scenes import write_scenes

ROOT = Path(__file__).resolve().parents[2]


def box(x1, y1, x2, y2, label=0, **more):
    return dict(bbox=[x1, y1, x2, y2], bbox_label=label, **more)


def test_a_class_lies_where_it_covers_a_quarter_or_where_its_centre_is():
    labels, counts = label_boxes([box(0, 0, 40, 8), box(50, 34, 54, 38, label=1)], 2, (48, 64), (3, 4))
    assert labels[0].tolist() == [[True, True, True, False], [False] * 4, [False] * 4]  # 8 of 16 pixels high and wide
    assert labels[1].nonzero().tolist() == [[2, 3]]  # smaller than a quarter of a patch
    assert counts.all()


def test_boxes_are_scaled_with_the_image():
    whole, _ = label_boxes([box(16, 16, 48, 32)], 1, (48, 64), (3, 4))
    half, _ = label_boxes([box(8, 8, 24, 16)], 1, (24, 32), (3, 4))
    assert torch.equal(whole, half) and whole.sum() == 2


def test_ignored_boxes_take_their_patches_out():
    labels, counts = label_boxes([box(0, 0, 16, 16, ignore_flag=1)], 1, (32, 32), (2, 2))
    assert not labels.any() and counts.tolist() == [[False, True], [True, True]]


def test_label_maps_give_patches():
    labels = np.zeros((32, 32), np.uint8)
    labels[:8, :8] = 1
    labels[16:, 16:] = 255
    found, counts = label_map(labels, 2, (2, 2))
    assert found[1].tolist() == [[True, False], [False, False]]
    assert found[0].tolist() == [[True, True], [True, False]]
    assert counts.tolist() == [[True, True], [True, False]]


def test_label_maps_as_training_sees_them(tmp_path):
    pytest.importorskip('mmseg')
    scenes = write_scenes(tmp_path / 'scenes', train=1, test=1, size=(64, 64))
    config = Config.fromfile(ROOT / 'configs/_base_/datasets/scenes-segmentation.py')
    config.test_dataloader.dataset.update(data_root=str(scenes), reduce_zero_label=True)
    pairs = LabelledPairs(config, 'test', (32, 32))
    values = np.array([[0, 1], [2, 255]], np.uint8).repeat(32, 0).repeat(32, 1)
    path = Path(pairs.data.get_data_info(0)['seg_map_path'])
    coloured = Image.fromarray(values, 'P')
    coloured.putpalette([number for number in range(256) for _ in range(3)])
    for image in (Image.fromarray(values), coloured):
        image.save(path)
        labels, counts = pairs.labels(0)
        assert counts.tolist() == [False, True, True, False]  # 0 and 255 are ignored
        assert labels[:2].tolist() == [[False, True, False, False], [False, False, True, False]]
    Image.fromarray(values.repeat(3).reshape(64, 64, 3)).save(path)
    with pytest.raises(ValueError, match=r'has shape \(64, 64, 3\): a colour image instead of labels'):
        pairs.labels(0)
    path.write_bytes(b'no image')
    with pytest.raises(ValueError, match='is not a label map that can be read'):
        pairs.labels(0)


def test_average_precision():
    scores, positive = torch.tensor([0.9, 0.8, 0.7, 0.6]), torch.tensor([True, False, True, False])
    assert average_precision(scores, positive) == pytest.approx((1 + 2 / 3) / 2)
    assert average_precision(scores, torch.ones(4, dtype=torch.bool)) == 1
    assert math.isnan(average_precision(scores, torch.zeros(4, dtype=torch.bool)))


def test_the_classifier_finds_what_is_there_and_nothing_else():
    torch.manual_seed(0)
    labels = torch.rand(4000, 2) < 0.1
    features = torch.randn(4000, 8)
    features[:, 0] = 3 * labels[:, 0] + 0.3 * torch.randn(4000)  # says all of the first class, nothing of the second
    train, test = (Patches(features[part], labels[part]) for part in (slice(0, 3000), slice(3000, None)))
    first, second = probe(train, test, 0, ProbeSettings(epochs=40))
    assert first > 95 and second < 20
    assert probe(train, test, 0, ProbeSettings(epochs=40)) == [first, second]
    assert probe(train, test, 1, ProbeSettings(epochs=40)) != [first, second]


@pytest.fixture
def scene_config(tmp_path):
    pytest.importorskip('mmdet')
    scenes = write_scenes(tmp_path / 'scenes', train=1, test=1, size=(64, 64))
    config = Config.fromfile(ROOT / 'configs/_base_/datasets/scenes-detection.py')
    config.test_dataloader.dataset.data_root = str(scenes)
    return config


@pytest.mark.parametrize('stock', [False, True])
def test_tokens_are_kept_of_what_they_were_computed_from(stock, scene_config, tmp_path):
    """Of the infrared scaling and of the files themselves, as well as of the names."""
    if stock:  # AppendPartner finds the infrared images
        dataset = scene_config.test_dataloader.dataset
        dataset.type = 'mmdet.CocoDataset'
        dataset.data_prefix.pop('img_ir')
        dataset.pipeline[1].rule = ('test/vi', 'test/ir')
    model = Config(dict(model=dict(backbone=dict(type='mmdefusion.DeFusionEncoder', arch=SMALL))))
    reader = FeatureReader(model, cache=tmp_path / 'cache')

    def read():
        pairs = LabelledPairs(scene_config, 'test', (32, 32))
        kept = reader.read(pairs, 'infrared', 'small')
        torch.testing.assert_close(kept, reader._compute(pairs, ['infrared'], '')['infrared'].float())
        return kept

    (path,) = (tmp_path / 'scenes/test/ir').iterdir()
    counts = np.array(Image.open(path)).astype(np.uint16) * 100
    Image.fromarray(counts).save(path)
    first = read()
    scene_config.test_dataloader.dataset.pipeline[1].fixed_range = (0, 4000)
    dark = read()
    Image.fromarray(counts[::-1]).save(path)
    assert not torch.equal(first, dark) and not torch.equal(dark, read())


def test_tokens_are_kept_of_what_no_weight_says(scene_config, tmp_path):
    """Windows and scales change tokens, but no weight."""
    pairs = LabelledPairs(scene_config, 'test', (64, 64))
    plain = dict(type='mmdefusion.DeFusionEncoder', arch=SMALL)
    windows = dict(plain, window=2, global_blocks=1)
    found = []
    for encoder in (plain, windows, dict(plain, type='mmdefusion.MultiScaleEncoder'), plain):
        reader = FeatureReader(Config(dict(model=dict(backbone=encoder))), cache=tmp_path / 'cache')
        found.append(reader.read(pairs, 'visible', 'small'))
    assert len(list((tmp_path / 'cache').iterdir())) == 3
    assert torch.equal(found[0], found[3])
    assert not torch.equal(found[0], found[1]) and not torch.equal(found[0], found[2])


@pytest.mark.parametrize('pyramid', ['SimpleFeaturePyramid', 'GuidedPyramid'])
def test_injected_tokens_are_those_of_the_network(pyramid, scene_config, tmp_path):
    """And the cache tells apart what was injected."""
    network = dict(
        type='mmdefusion.DeFusionPP',
        arch=SMALL,
        pyramid=dict(type=f'mmdefusion.{pyramid}', out_channels=16),
        spatial_prior=dict(type='mmdefusion.SpatialPrior'),
        injection=dict(type='mmdefusion.TokenInjection'),
    )
    reader = FeatureReader(Config(dict(model=dict(backbone=network))), cache=tmp_path / 'cache')
    backbone, pairs, seen = reader.model['backbone'], LabelledPairs(scene_config, 'test', (64, 64)), []
    plain = reader.read(pairs, 'fused', 'small')
    torch.nn.init.normal_(backbone.injection.proj.weight, std=0.5)
    backbone.decomposition.register_forward_hook(lambda _, __, output: seen.append(output))
    pair = reader.normalize(pairs.images(0)[None])
    with torch.no_grad():
        backbone(pair)
    tokens = reader.read(pairs, 'fused', 'small')
    torch.testing.assert_close(tokens, seen[0].fused[0, 1:], atol=5e-3, rtol=5e-3)  # kept in half precision
    assert (tokens - plain).abs().max() > 0.1
    if pyramid == 'GuidedPyramid':
        stride, finest = next(iter(backbone.pyramid.stem_maps(seen[0]).items()))
        expected = torch.nn.functional.avg_pool2d(finest, 16 // stride).flatten(2).mT[0]
        found = reader.read(pairs, 'prior', 'small')[:, : expected.shape[1]]
        torch.testing.assert_close(found, expected, atol=5e-3, rtol=5e-3)


def test_several_data_sets_in_one_are_refused(scene_config):
    one = scene_config.test_dataloader.dataset
    scene_config.test_dataloader.dataset = dict(type='RepeatDataset', times=2, dataset=one)
    assert len(LabelledPairs(scene_config, 'test', (32, 32))) == 1
    scene_config.test_dataloader.dataset = dict(type='ConcatDataset', datasets=[one, one])
    with pytest.raises(ValueError, match='ConcatDataset holds 2 data sets: give a config with one of them'):
        LabelledPairs(scene_config, 'test', (32, 32))


def test_partners_of_another_size_are_resized_as_the_config_says(scene_config, tmp_path):
    (path,) = (tmp_path / 'scenes/test/ir').iterdir()
    Image.open(path).resize((40, 30)).save(path)
    with pytest.raises(ValueError, match="align the pair, or set size_mismatch='resize'"):
        LabelledPairs(scene_config, 'test', (32, 32))
    scene_config.test_dataloader.dataset.pipeline[1].size_mismatch = 'resize'
    assert LabelledPairs(scene_config, 'test', (32, 32)).images(0).shape == (6, 32, 32)
