"""The pipelines that every data set is run through, and what must hold after them."""

import numpy as np
import pytest

LOAD = [dict(type='LoadImageFromFile'), dict(type='mmdefusion.AppendPartner')]


@pytest.fixture(scope='session')
def det_pipeline() -> list[dict]:
    pytest.importorskip('mmdet')
    return [
        *LOAD,
        dict(type='mmdet.LoadAnnotations', with_bbox=True),
        dict(type='mmdet.Resize', scale=(96, 72), keep_ratio=False),
        dict(type='mmdet.RandomFlip', prob=1.0),
        dict(type='mmdet.PackDetInputs'),
    ]


@pytest.fixture(scope='session')
def seg_pipeline() -> list[dict]:
    pytest.importorskip('mmseg')
    return [
        *LOAD,
        dict(type='mmseg.LoadAnnotations'),
        dict(type='mmseg.RandomCrop', crop_size=(40, 40)),
        dict(type='mmseg.RandomFlip', prob=1.0),
        dict(type='mmseg.PackSegInputs'),
    ]


@pytest.fixture(scope='session')
def assert_moved_together():
    """The fourth channel is the negative of the first still, so both took the same way through the pipeline."""

    def check(packed: dict) -> None:
        channels = packed['inputs'].numpy().astype(int)
        assert channels.shape[0] == 4
        assert np.abs(channels[3] - (255 - channels[0])).max() <= 2  # JPEG and interpolation round
        assert channels[0].std() > 10

    return check
