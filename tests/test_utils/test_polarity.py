import cv2
import numpy as np
import pytest

from mmdefusion.inference.stems import match_stems
from mmdefusion.utils.polarity import SURE, white_hot_evidence
from mmdefusion.utils.spread import evenly_spread


def street() -> np.ndarray:
    """A cold sky, warm ground and three hot people."""
    image = np.full((240, 320), 40.0)
    image[100:] = 90
    for left in (60, 150, 250):
        image[110:180, left : left + 20] = 220
    return np.rint(cv2.GaussianBlur(image, (0, 0), 2)).astype(np.uint8)


def test_an_inverted_image_speaks_for_the_contrary():
    assert white_hot_evidence(street()) > SURE
    assert white_hot_evidence(255 - street()) == pytest.approx(-white_hot_evidence(street()), abs=0.05)


def test_images_that_show_nothing_say_nothing():
    assert abs(white_hot_evidence(np.full((40, 50), 90, np.uint8))) < 0.01
    noise = np.random.default_rng(0).integers(0, 256, (120, 160), np.uint8)
    assert abs(white_hot_evidence(noise)) < SURE


def test_real_images_are_not_taken_for_black_hot(shared):
    data = shared / 'data'
    pairs = match_stems([data / 'flir_aligned' / 'vi', data / 'flir_aligned' / 'ir'])
    evidence = [white_hot_evidence(cv2.imread(str(ir), 0)) for _, ir in evenly_spread(list(pairs.values()), 8)]
    assert min(evidence) > 0 and np.mean(np.array(evidence) > SURE) > 0.3
