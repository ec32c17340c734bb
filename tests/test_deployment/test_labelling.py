"""Label maps of exported segmenters whose test pipeline resizes are those of PyTorch."""

from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.spread_heads import Small, small_network
from helpers.toy_onnx import write_toy
from helpers.zoo import CONFIGS
from mmengine.config import Config
from torch import nn
from torch.nn.functional import interpolate

from mmdefusion.deployment import OnnxSegmenter
from mmdefusion.deployment.export.exporting import export_network
from mmdefusion.deployment.export.forms import Form, in_torch
from mmdefusion.deployment.export.loading import load
from mmdefusion.deployment.export.segmenters import two_classes
from mmdefusion.deployment.labelling import label_pixels

HEAD = CONFIGS / 'segmentation/defusionpp_vit-tiny_fcn_1xb4-500i_scenes-160x128.py'
SCALES = {'smaller': ((90, 71), True), 'larger': ((331, 253), False)}


def resized(folder: Path, scale: tuple[int, int], keep_ratio: bool) -> Small:
    """A small segmenter whose test pipeline resizes, and pairs of three sizes."""
    net = small_network(HEAD, folder)
    config = Config.fromfile(net.config)
    config.test_dataloader.dataset.pipeline.insert(2, dict(type='Resize', scale=scale, keep_ratio=keep_ratio))
    config.dump(str(folder / 'resized.py'))
    return net._replace(config=str(folder / 'resized.py'))


@pytest.mark.parametrize('scale', SCALES.values(), ids=SCALES)
def test_the_same_labels(scale, tmp_path):
    net = resized(tmp_path, *scale)
    loaded = load(net.config, net.checkpoint)
    assert loaded.metadata.logits and loaded.module.outputs == ('logits',)
    segmenter = OnnxSegmenter(write_toy(tmp_path / 'toy.onnx', 'segment'), show_progress=False)
    segmenter.network = Form(in_torch(loaded.module), loaded.module.outputs, loaded.metadata)
    sources = [str(tmp_path / name) for name in ('vi', 'ir')]
    ours, theirs = (run(*sources, batch_size=3)['predictions'] for run in (segmenter, loaded.inferencer))
    assert len(ours) == len(theirs) == 3
    for one, other in zip(ours, theirs, strict=True):
        assert one.shape == other.shape and len(np.unique(other)) > 1
        assert (one == other).mean() >= 0.999


@pytest.mark.soak
@pytest.mark.parametrize('scale', SCALES.values(), ids=SCALES)
def test_a_file_gives_the_same_labels(scale, tmp_path):
    net = resized(tmp_path, *scale)
    done = export_network(net.config, net.checkpoint, tmp_path / 'x.onnx', verification=net.pairs)
    assert done.comparison.passed, done.comparison.text
    print(done.comparison.text)  # for docs/deployment_record.md


@pytest.mark.parametrize('align_corners', [False, True])
@pytest.mark.parametrize('size', [(30, 40), (47, 90), (13, 11), (60, 20), (1, 1)], ids=str)
def test_logits_are_resized_before_the_largest_is_taken(size, align_corners):
    logits = torch.randn(1, 5, 30, 40, generator=torch.Generator().manual_seed(0))
    wanted = interpolate(logits, size, mode='bilinear', align_corners=align_corners).argmax(1)[0]
    found = label_pixels(logits[0].numpy(), size, align_corners)
    assert found.dtype == np.uint16 and (found == wanted.numpy()).mean() >= 0.999


@pytest.mark.parametrize('threshold', [0.3, 0.5, 0.9])
@pytest.mark.parametrize('size', [(30, 40), (47, 90)], ids=str)
def test_a_head_with_one_output(size, threshold):
    """mmseg resizes its logits too before it compares them with the threshold."""
    head = nn.Module()
    head.threshold = threshold
    logits = torch.randn(2, 1, 30, 40, generator=torch.Generator().manual_seed(0))
    both = two_classes(logits, head)
    assert (both.argmax(1) == (logits.sigmoid() > threshold)[:, 0]).float().mean() >= 0.999
    wanted = interpolate(logits, size, mode='bilinear', align_corners=False).sigmoid() > threshold
    for one, other in zip(both, wanted, strict=True):
        assert (label_pixels(one.numpy(), size) == other[0].numpy()).mean() >= 0.999
