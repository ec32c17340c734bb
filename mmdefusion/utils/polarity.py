"""Guesses whether hot is bright or dark in an infrared image (white-hot or black-hot)."""

import cv2
import numpy as np

SIZE = 160  # longest side in pixels of the reduced image that is looked at
SURROUNDINGS = 41  # side in pixels of the median that leaves out people and cars; odd
SMALL_PLACES = 0.3  # percentile of the pixels that are most unlike their surroundings, on each side
WEIGHTS = 1.5, 1.0, 1.5  # of the three kinds of evidence below
SKY_MOST = 1.5  # most that the sky may say
SURE = 1.25  # evidence beyond which the polarity is certain
DOUBTFUL = 0.6  # evidence beyond which it is likely


def white_hot_evidence(infrared: np.ndarray) -> float:
    """How much an image looks white-hot (positive) or black-hot (negative); an inverted image has the opposite value.

    Three kinds of evidence are summed: what is small and unlike its surroundings, such as people and engines, is hot;
    the ground is warmer than what is above it, often the sky; the hottest pixel is farther from the median than the
    coldest.

    Args:
        infrared: H×W uint8.
    """
    scale = SIZE / max(infrared.shape)
    size = [max(1, round(side * scale)) for side in infrared.shape[::-1]]
    small = cv2.resize(infrared, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    unlike = small - cv2.medianBlur(np.rint(small).astype(np.uint8), SURROUNDINGS)
    above, below = np.percentile(unlike, [100 - SMALL_PLACES, SMALL_PLACES])
    objects = (above + below) / (above - below + 1)
    height = len(small)
    ground = (small[height // 2 :].mean() - small[: max(1, height // 5)].mean()) / (small.std() + 1)
    highest, lowest, middle = small.max(), small.min(), np.median(small)
    extremes = (highest + lowest - 2 * middle) / (highest - lowest + 1)
    return float(np.dot(WEIGHTS, [objects, np.clip(ground, -SKY_MOST, SKY_MOST), extremes]))
