import numpy as np
import pytest
from mmcv.transforms import Compose

from mmdefusion.datasets.transforms import AppendPlace

HEIGHT, WIDTH = 40, 60


def placed(channels=4, dtype=np.uint8, steps=(), **keys):
    image = np.zeros((HEIGHT, WIDTH, channels), dtype)
    results = dict(img=image, img_path='x.png', img_shape=(HEIGHT, WIDTH), **keys)
    return Compose([AppendPlace(), *steps])(results)['img']


@pytest.mark.parametrize('channels', [4, 6])
@pytest.mark.parametrize('dtype', [np.uint8, np.float32])
def test_three_channels_from_edge_to_edge(channels, dtype):
    image = placed(channels, dtype)
    assert image.shape == (HEIGHT, WIDTH, channels + 3)
    assert image.dtype == dtype
    error = 0.5 if dtype == np.uint8 else 1e-4
    assert np.allclose(image[..., -3], (np.arange(WIDTH) + 0.5) / WIDTH * 255, atol=error)
    assert np.allclose(image[..., -2], (np.arange(HEIGHT) + 0.5)[:, None] / HEIGHT * 255, atol=error)
    assert (image[..., -1] == 255).all()
    assert not image[..., :channels].any()


@pytest.mark.parametrize('toolbox', ['mmdet', 'mmseg'])
def test_they_go_with_the_pixels(toolbox):
    pytest.importorskip(toolbox)
    steps = [
        dict(type=f'{toolbox}.Resize', scale=(2 * WIDTH, 2 * HEIGHT), keep_ratio=True),
        dict(type=f'{toolbox}.RandomCrop', crop_size=(WIDTH, HEIGHT) if toolbox == 'mmdet' else (HEIGHT, WIDTH)),
        dict(type=f'{toolbox}.RandomFlip', prob=1.0),
    ]
    image = placed(dtype=np.float32, steps=steps, gt_bboxes_labels=np.zeros(0))
    across, down = image[..., 4], image[..., 5]
    assert image.shape[:2] == (HEIGHT, WIDTH)
    assert np.allclose(across[:, :1] - across[:, -1:], 255 * (WIDTH - 1) / (2 * WIDTH), atol=2)  # half of it, mirrored
    assert np.allclose(down[-1] - down[0], 255 * (HEIGHT - 1) / (2 * HEIGHT), atol=2)


def test_not_after_what_moves_pixels():
    with pytest.raises(ValueError, match=r'x\.png was already moved or scaled \(flip in results\): put AppendPlace'):
        placed(flip=True)


@pytest.mark.parametrize('channels', [3, 7])
def test_not_without_a_pair_and_not_twice(channels):
    with pytest.raises(ValueError, match=rf'x\.png has shape \(40, 60, {channels}\), not HxWx4'):
        placed(channels)
