import numpy as np
import pytest

from mmdefusion.datasets.transforms import RandomResizedCrop, ResizedCenterCrop


@pytest.mark.parametrize('channels', [1, 3, 4, 6])
@pytest.mark.parametrize('size', [(20, 300), (331, 57), (9, 9)])
def test_sizes(channels, size):
    image = np.random.default_rng(0).integers(0, 256, (*size, channels), dtype=np.uint8)
    for crop in (RandomResizedCrop(32), ResizedCenterCrop(32)):
        results = crop(dict(img=image))
        assert results['img'].shape == (32, 32, channels) and results['img_shape'] == (32, 32)


def test_shares_and_ratios_of_random_crops():
    np.random.seed(0)
    crop = RandomResizedCrop(32, scale=(0.2, 0.6))
    drawn = np.array([crop.sample(200, 300) for _ in range(500)])
    top, left, height, width = drawn.T
    area, ratio = height * width / 60000, width / height
    assert 0.19 < area.min() < 0.25 and 0.5 < area.max() < 0.61
    assert 0.74 < ratio.min() < 0.8 and 1.25 < ratio.max() < 1.35
    assert (top + height <= 200).all() and (left + width <= 300).all()
    assert len(set(top)) > 50 and len(set(left)) > 50


def test_no_pixel_is_left_out_where_a_part_shrinks():
    noise = np.random.default_rng(0).choice(np.array([0, 255], np.uint8), (256, 320, 4))
    assert ResizedCenterCrop(32)(dict(img=noise))['img'].std() < 20  # each is the mean of 64


def test_center_crop_is_the_middle():
    image = np.zeros((10, 30, 1), np.uint8)
    image[:, 10:20] = 7
    assert (ResizedCenterCrop(10)(dict(img=image))['img'] == 7).all()


@pytest.mark.parametrize('options', [{'scale': (0, 1)}, {'scale': (0.5, 2)}, {'ratio': (2, 1)}])
def test_wrong_options(options):
    with pytest.raises(ValueError, match=f'{next(iter(options))}='):
        RandomResizedCrop(32, **options)
