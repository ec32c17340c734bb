import warnings

import mmcv
import numpy as np
import pytest

from mmdefusion.inference.sizes import fit_partner, to_first_size

NOISE = np.random.default_rng(0)


@pytest.mark.parametrize('size', [(20, 800), (800, 20), (800, 800), (20, 20)], ids=str)
@pytest.mark.parametrize('dtype', [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize('channels', [(), (3,)], ids=['grey', 'colour'])
def test_no_pixel_is_left_out_where_a_side_gets_shorter(size, dtype, channels):
    """An image that is narrower in height may still be far wider; noise must then become flat, not other noise."""
    first, other = np.zeros((40, 40), dtype), NOISE.integers(0, 256, (*size, *channels)).astype(dtype)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # of the changed shape
        same, fitted = to_first_size([first, other], 'x', resize=True)
    assert same is first and fitted.shape == (40, 40, *channels) and fitted.dtype == dtype
    means = np.prod([max(1, side / 40) for side in size])  # pixels that one of the result is the mean of
    assert fitted.std() < 1.2 * 74 / means**0.5
    assert abs(fitted.mean() - other.mean()) < 2


def test_other_shapes_are_told_and_other_sizes_refused():
    images = [np.zeros(size, np.uint8) for size in ((30, 40), (60, 80), (60, 60))]
    with pytest.warns(UserWarning, match='x: image 3 is stretched') as told:
        to_first_size(images, 'x', resize=True)
    assert len(told) == 1
    with pytest.raises(ValueError, match=r'^x: the images are 40x30 and 80x60: align them, or set resize=True \(--res'):
        to_first_size(images, 'x')
    with pytest.raises(ValueError, match=r'^x: the images are 40x30 and 60x60: align them, or set resize=True \(--res'):
        fit_partner(images[0], images[2], 'x')


@pytest.mark.parametrize(('width', 'told'), [(79, False), (81, False), (78, True), (82, True)])
def test_a_shape_that_changes_by_two_percent_is_told(width, told):
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter('always')
        to_first_size([np.zeros((30, 40), np.uint8), np.zeros((60, width), np.uint8)], 'x', resize=True)
    assert bool(found) == told


@pytest.mark.parametrize('channels', [1, 3])
@pytest.mark.parametrize('size', [(20, 100), (70, 90)], ids=str)
def test_partners_are_resized_as_files_are(size, channels):
    """AppendPartner takes mmcv's bilinear form; a model must see arrays as it sees files."""
    visible = np.zeros((41, 60, 3), np.uint8)
    partner = NOISE.integers(0, 256, (*size, channels), np.uint8)
    wanted = mmcv.imresize(partner, (60, 41), interpolation='bilinear', backend='cv2').reshape(41, 60, channels)
    assert (fit_partner(visible, partner, 'x', resize=True) == wanted).all()
    assert fit_partner(partner, partner, 'x') is partner
