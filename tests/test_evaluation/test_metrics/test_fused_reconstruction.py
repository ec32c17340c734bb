import numpy as np
import torch
from mmengine.structures import BaseDataElement

from mmdefusion.evaluation.metrics import FusedReconstruction


def test_psnr_and_ssim():
    target = torch.full((3, 16, 16), 0.5)
    sample = BaseDataElement()
    sample.set_data(dict(target=target, from_views=target + 0.1, from_identical=target))
    metric = FusedReconstruction()
    metric.process(None, [sample.to_dict()])
    scores = metric.evaluate(size=1)
    assert np.isclose(scores['fused/psnr_views'], 20, atol=1e-4)
    assert np.isclose(scores['fused/ssim_identical'], 1, atol=1e-6)
    assert np.isclose(scores['fused/ssim_views'], (2 * 0.5 * 0.6 + 1e-4) / (0.25 + 0.36 + 1e-4), atol=1e-4)


def test_images_are_clipped_as_when_saved():
    sample = dict(target=torch.ones(3, 16, 16), from_views=torch.full((3, 16, 16), 7.0))
    metric = FusedReconstruction()
    metric.process(None, [sample | dict(from_identical=torch.full((3, 16, 16), 0.9))])
    assert metric.results[0]['psnr_views'] == np.inf and np.isclose(metric.results[0]['psnr_identical'], 20, atol=1e-4)
