import numpy as np
import pytest

from mmdefusion.datasets.transforms import CORRUPTIONS, CorruptPair, DropModality, ShiftPartner

VISIBLE, INFRARED = slice(3), slice(3, None)


def pair(name: str = 'a.png', channels: int = 4, dtype: type = np.uint8) -> dict:
    rows, columns = np.mgrid[:40, :60]
    image = np.stack([(columns * 3 + rows * (k + 1)) % 200 + 20 for k in range(channels)], axis=-1)
    return dict(img=image.astype(dtype), img_path=f'folder/{name}')


@pytest.mark.parametrize(
    ('modality', 'gone', 'left'), [('visible', VISIBLE, INFRARED), ('infrared', INFRARED, VISIBLE)]
)
def test_one_modality_is_dropped(modality, gone, left):
    before, results = pair(), DropModality(modality)(pair())
    assert not results['img'][..., gone].any()
    assert (results['img'][..., left] == before['img'][..., left]).all()
    assert results.get('partner_missing', False) == (modality == 'infrared')


def test_a_share_of_pairs_loses_either_the_same_each_time():
    drop = DropModality('random', prob=0.4, seed=1)
    lost = [drop(pair(f'{k}.png'))['img'] for k in range(400)]
    visible = sum(not image[..., VISIBLE].any() for image in lost)
    infrared = sum(not image[..., INFRARED].any() for image in lost)
    assert 50 < visible < 110 and 50 < infrared < 110
    for k in reversed(range(400)):  # whatever the order
        assert (drop(pair(f'{k}.png'))['img'] == lost[k]).all()
    assert any((DropModality('random', prob=0.4, seed=2)(pair(f'{k}.png'))['img'] != lost[k]).any() for k in range(50))


@pytest.mark.parametrize('channels', [4, 6])
def test_the_partner_moves_and_the_visible_image_stays(channels):
    before = pair(channels=channels)['img']
    moved = ShiftPartner(5, exact=True, seed=0)(pair(channels=channels))['img']
    assert moved.shape == before.shape and moved.dtype == before.dtype
    assert (moved[..., VISIBLE] == before[..., VISIBLE]).all() and (moved[..., 3] != before[..., 3]).mean() > 0.5
    assert (ShiftPartner(0)(pair(channels=channels))['img'] == before).all()


def test_how_far_it_moves():
    point = np.zeros((41, 41, 4), np.float32)
    point[20, 20, 3] = 255

    def length(shift: ShiftPartner, name: str) -> float:
        weights = shift(dict(img=point, img_path=name))['img'][..., 3]
        rows, columns = np.mgrid[:41, :41]
        return np.hypot(*((weights * axis).sum() / weights.sum() - 20 for axis in (rows, columns)))

    assert [length(ShiftPartner(6, exact=True, seed=k), 'a') for k in range(9)] == pytest.approx([6] * 9, abs=0.1)
    lengths = [length(ShiftPartner(6, seed=k), 'a') for k in range(200)]
    assert max(lengths) < 6.1 and np.mean(lengths) == pytest.approx(4, abs=0.4)  # two thirds of the radius


@pytest.mark.parametrize('dtype', [np.uint8, np.float32])
@pytest.mark.parametrize('kind', CORRUPTIONS)
def test_corruptions_grow_with_the_level(kind, dtype):
    before, channels = pair(dtype=dtype)['img'], CORRUPTIONS[kind][1]
    other = INFRARED if channels == VISIBLE else VISIBLE
    errors = []
    for level in range(1, 6):
        after = CorruptPair(kind, level)(pair(dtype=dtype))['img']
        assert after.dtype == dtype and (after[..., other] == before[..., other]).all()
        assert after.min() >= 0 and after.max() <= 255
        errors.append(np.abs(after[..., channels].astype(float) - before[..., channels]).mean())
        assert (CorruptPair(kind, level)(pair(dtype=dtype))['img'] == after).all()
    assert errors == sorted(errors) and errors[0] > 1 and errors[-1] > 2 * errors[0]


@pytest.mark.parametrize('transform', [DropModality('visible'), ShiftPartner(5), CorruptPair('fog', 3)], ids=repr)
def test_the_image_that_was_given_stays(transform):
    """A cache of a data set may hold it."""
    results = pair()
    image = results['img']
    assert (transform(results)['img'] != image).any() and (image == pair()['img']).all()


def test_what_they_refuse():
    with pytest.raises(ValueError, match="modality='both' is none of visible, infrared, random"):
        DropModality('both')
    with pytest.raises(ValueError, match='prob=2'):
        DropModality('random', prob=2)
    with pytest.raises(ValueError, match='pixels=-1'):
        ShiftPartner(-1)
    with pytest.raises(ValueError, match="kind='rain' is none of darkness"):
        CorruptPair('rain', 1)
    with pytest.raises(ValueError, match='level=6'):
        CorruptPair('fog', 6)
