import warnings

import cv2
import numpy as np
import pytest

from mmdefusion.inference.infrared import tell_black_hot, to_white_hot, warn_of_idle_range
from mmdefusion.inference.sources import Item

VISIBLE = np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8)


def infrared(sky: int = 40) -> np.ndarray:
    """A street with hot people, H×W×3 uint8."""
    image = np.full((240, 320, 3), sky, np.uint8)
    image[100:] = 90
    for left in (60, 150, 250):
        image[110:180, left : left + 20] = 220
    return image


def test_false_colours_are_turned_back_with_a_warning():
    coloured = cv2.applyColorMap(infrared(), cv2.COLORMAP_JET)
    with pytest.warns(UserWarning, match=r'false colours \(jet\)'):
        first, second = to_white_hot([VISIBLE, coloured], black_hot=False)
    assert first is VISIBLE and (second == infrared()).all()


def test_unknown_colours_stay_with_a_warning():
    with pytest.warns(UserWarning, match='no known palette'):
        _, second = to_white_hot([VISIBLE, VISIBLE], black_hot=False)
    assert second is VISIBLE


def test_black_hot_images_are_inverted():
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        first, *others = to_white_hot([VISIBLE, 255 - infrared(), infrared()], black_hot=True)
    assert first is VISIBLE and (others[0] == infrared()).all() and (others[1] == 255 - infrared()).all()


def items(*images: np.ndarray) -> list[Item]:
    return [Item(str(place), (VISIBLE, image)) for place, image in enumerate(images)]


def test_a_named_polarity_is_believed():
    assert tell_black_hot(items(infrared()), 'black-hot') and not tell_black_hot(items(255 - infrared()), 'white-hot')


def test_the_polarity_of_a_series_is_guessed():
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        assert not tell_black_hot(items(infrared(), infrared(50)), 'auto')
        assert not tell_black_hot([], 'auto')
        same = 255 - infrared()
        assert not tell_black_hot([Item('same', (same, same))], 'auto')
    with pytest.warns(UserWarning, match='are inverted'):
        assert tell_black_hot(items(255 - infrared(), 255 - infrared(50), infrared()), 'auto')
    faint = 255 - infrared(sky=150)  # without a cold sky the evidence is weak
    with pytest.warns(UserWarning, match='may be black-hot'):
        assert not tell_black_hot(items(faint), 'auto')


def test_the_polarity_is_told_without_a_touch_on_the_warnings_of_the_process(monkeypatch):
    """Two threads that keep warnings silent at once, each for a while, can leave them silent for good."""
    with monkeypatch.context() as patched:
        patched.setattr(warnings, 'catch_warnings', None)
        assert not tell_black_hot(items(cv2.applyColorMap(infrared(), cv2.COLORMAP_JET)), 'auto')


def test_what_cannot_be_read_has_no_say(tmp_path):
    with pytest.warns(UserWarning, match='are inverted'):
        broken = Item('broken', (VISIBLE, tmp_path / 'nothing.png'))
        assert tell_black_hot([broken, *items(255 - infrared())], 'auto')


def test_a_range_that_no_image_has_use_for_is_told(tmp_path):
    grey, counts = infrared()[..., 0], infrared()[..., 0].astype(np.uint16) * 50
    for name, image in (('8.png', grey), ('16.png', counts), ('float.tif', counts.astype(np.float32))):
        cv2.imwrite(str(tmp_path / name), image)
    (tmp_path / 'broken.png').write_bytes(b'')
    idle = [Item('a', (counts, tmp_path / '8.png', grey)), Item('b', (VISIBLE, tmp_path / 'broken.png'))]
    with pytest.warns(UserWarning, match=r'The range of 20 to 50.5 has no effect \(--thermal-range\): no infrared'):
        warn_of_idle_range(idle, np.array([20, 50.5]))
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        for deep in (tmp_path / '16.png', tmp_path / 'float.tif', counts, 'https://nowhere.example/ir.png'):
            warn_of_idle_range([*idle, Item('c', (VISIBLE, deep))], (20, 50))
        warn_of_idle_range(idle, None)
        warn_of_idle_range([Item('alone', (VISIBLE,))], (20, 50))
