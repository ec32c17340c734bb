"""Masks of objects in the runtime are those of mmdet, and their runs those of COCO."""

import numpy as np
import pytest
import torch
from mmdet.models.roi_heads.mask_heads.fcn_mask_head import _do_paste_mask
from pycocotools import mask as coco

from mmdefusion.deployment.masks import encode, paste


def test_maps_are_pasted_as_in_mmdet():
    rng = np.random.default_rng(0)
    maps = rng.random((40, 28, 28)).astype(np.float32)
    corners = rng.uniform(-20, 90, (40, 2, 2))  # some beyond the image
    boxes = np.concatenate([corners.min(1), corners.max(1) + 1], axis=1).astype(np.float32)
    found = np.stack([paste(values, box, (57, 83), 0.4) for values, box in zip(maps, boxes, strict=True)])
    values, _ = _do_paste_mask(torch.from_numpy(maps)[:, None], torch.from_numpy(boxes), 57, 83, skip_empty=False)
    clear = np.abs(values.numpy() - 0.4) > 1e-4
    assert found.shape == (40, 57, 83) and 0.05 < found.mean() < 0.6 and clear.mean() > 0.99
    assert (found == (values.numpy() >= 0.4))[clear].all()


@pytest.mark.parametrize('share', [0.0, 0.02, 0.5, 1.0])
def test_runs_are_those_of_coco(share):
    mask = np.random.default_rng(1).random((61, 157)) < share
    mask[20:50, 30:90] = share > 0
    wanted = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
    assert encode(mask) == dict(size=[61, 157], counts=wanted['counts'].decode())
