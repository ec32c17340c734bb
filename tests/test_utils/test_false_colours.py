import cv2
import numpy as np
import pytest

from mmdefusion.utils.false_colours import palettes, tell_palette, undo_palette


@pytest.fixture(scope='module')
def temperatures() -> np.ndarray:
    """A warm person before a slope, H×W uint8."""
    image = np.tile(np.linspace(20, 150, 160), (120, 1))
    image[40:90, 70:90] = 230
    return np.rint(cv2.GaussianBlur(image, (0, 0), 2)).astype(np.uint8)


@pytest.mark.parametrize('name', list(palettes()))
def test_every_palette_is_told_and_turned_back(temperatures, name):
    coloured = np.rint(palettes()[name]).astype(np.uint8)[temperatures]
    assert tell_palette(coloured) == name
    back = undo_palette(coloured, name)
    assert back.shape == (120, 160, 3) and (back == back[..., :1]).all()
    assert abs(back[..., 0].astype(int) - temperatures).max() <= 3  # some palettes repeat a colour
    _, jpeg = cv2.imencode('.jpg', coloured)
    worn = cv2.imdecode(jpeg, cv2.IMREAD_COLOR)
    assert tell_palette(worn) == name
    assert abs(undo_palette(worn, name)[..., 0].astype(int) - temperatures).mean() < 4


def test_the_scale_that_a_camera_draws_is_no_hindrance(temperatures):
    coloured = cv2.applyColorMap(temperatures, cv2.COLORMAP_INFERNO)
    cv2.putText(coloured, '36.6 C', (5, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255))
    assert tell_palette(coloured) == 'inferno'


def test_other_colours_are_no_palette():
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    assert tell_palette(noise) is None
    grass = np.zeros((64, 64, 3), np.uint8) + np.uint8([40, 120, 60])
    grass[:20] = 235, 200, 160
    assert tell_palette(grass) is None
