"""An exported fuser draws the image of the inferencer in PyTorch: every target, kind of image and size."""

from collections.abc import Callable, Sequence
from functools import cache

import cv2
import numpy as np
import pytest
import torch
from helpers.pretraining import write_fuser
from helpers.toy_onnx import write_toy

from mmdefusion.apis import FusionInferencer
from mmdefusion.deployment import OnnxFuser
from mmdefusion.deployment.export.fuser import ExportedFuser
from mmdefusion.scenes import SceneGenerator

DAY, NIGHT = 3, 0
CASES = {
    'by day': ({}, DAY, (160, 128), 'colour'),
    'by night, odd, 16 bit': ({}, NIGHT, (133, 101), '16 bit'),
    'off': (dict(target='off'), NIGHT, (133, 101), 'colour'),
    'highlight, grey': (dict(target='highlight', colour='grey'), DAY, (133, 101), 'grey'),
    'keep, plain output': (dict(target='keep', detail=None), NIGHT, (97, 81), 'grey'),
    'few pixels for the network': (dict(network_pixels=80 * 60), NIGHT, (133, 101), 'colour'),
    'windows': (
        dict(sliding_window=dict(size=64, overlap=24, whole_below=1000, batch_size=2)),
        NIGHT,
        (133, 101),
        'colour',
    ),
    'exposures': (dict(task='mef'), DAY, (133, 101), 'colour'),
}


def network_of(inferencer: FusionInferencer) -> Callable[..., list[np.ndarray]]:
    """The network of an inferencer, called as :class:`OnnxNetwork` is."""
    module = ExportedFuser(inferencer.model)

    @torch.no_grad()
    def run(visible: np.ndarray, infrared: np.ndarray, outputs: Sequence[str]) -> list[np.ndarray]:
        found = dict(zip(module.outputs, module(*map(torch.from_numpy, (visible, infrared))), strict=True))
        return [found[name].numpy() for name in outputs]

    return run


@cache
def scene(index: int, size: tuple[int, int], kind: str) -> list[np.ndarray]:
    """A visible image, and an infrared one of 8 or 16 bits; black borders and a glare besides."""
    drawn = SceneGenerator(size, night_share=float(index == NIGHT), bits=16 if kind == '16 bit' else 8)(index)
    visible = drawn.visible.copy()
    visible[40:70, 30:70], visible[:10] = 255, 0
    return [cv2.cvtColor(visible, cv2.COLOR_BGR2GRAY) if kind == 'grey' else visible, drawn.infrared]


@pytest.mark.parametrize('case', CASES)
def test_the_same_image(case, tmp_path):
    options, index, size, kind = CASES[case]
    options = dict(options, polarity='auto' if 'task' in options else 'white-hot', show_progress=False)
    inferencer = FusionInferencer(write_fuser(tmp_path / 'fuser.pth'), device='cpu', **options)
    exported = OnnxFuser(write_toy(tmp_path / 'toy.onnx', 'fuse'), **options)
    exported.network = network_of(inferencer)
    pair = scene(index, size, kind)
    assert pair[0].ndim == (2 if kind == 'grey' else 3) and pair[1].dtype == ('uint16' if kind == '16 bit' else 'uint8')
    ours, theirs = (
        fuser.fuse(pair, parts=case == 'few pixels for the network').images for fuser in (exported, inferencer)
    )
    assert ours.keys() == theirs.keys()
    for name, image in theirs.items():
        assert ours[name].shape == image.shape and np.abs(ours[name].astype(int) - image).max() <= 1
    if case == 'exposures':
        plainer = OnnxFuser(write_toy(tmp_path / 'toy.onnx', 'fuse'), **(options | dict(colour='rgb')))
        plainer.network = exported.network
        assert np.abs(ours['fused'].astype(int) - plainer.fuse(pair).images['fused']).max() > 10
        several = [*pair, (pair[0] * 0.5).astype(np.uint8)]
        one, other = (fuser.fuse(several).images['fused'].astype(int) for fuser in (exported, inferencer))
        assert np.abs(one - other).max() <= 1
    elif not case.startswith('off'):
        without = OnnxFuser(write_toy(tmp_path / 'toy.onnx', 'fuse'), **(options | dict(target='off')))
        without.network = exported.network
        assert np.abs(ours['fused'].astype(int) - without.fuse(pair).images['fused']).mean() > 2
