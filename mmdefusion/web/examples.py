"""Generated pairs to try the app with: night and day scenes, two exposures, two foci."""

import cv2
import numpy as np

from mmdefusion.scenes import SceneGenerator
from mmdefusion.scenes.writer import TEST_START

from .uploads import Pair

SIZES = {'large': (320, 256), 'small': (160, 128)}  # small is the size that the package's detector was trained on
UNDER, OVER = 0.45, 2.2  # exposures, as factors of the light
BLUR = 2.5  # sigma of what is out of focus, in pixels


def example(task: str, number: int, size: str = 'large') -> Pair:
    """Generates a pair for a task.

    Args:
        task: 'ivf' for a visible and an infrared image, 'mef' for two exposures, 'mff' for two foci.
        number: number of the scene, from 0.
        size: 'large' or 'small'.

    Returns:
        Two images, H×W×3 or H×W uint8, BGR.
    """
    scene = SceneGenerator(SIZES[size], night_share=0.5 if task == 'ivf' else 0.0)(TEST_START + number)
    if task == 'ivf':
        return scene.visible, scene.infrared
    if task == 'mef':
        return _expose(scene.visible, UNDER), _expose(scene.visible, OVER)
    blurred = cv2.GaussianBlur(scene.visible, (0, 0), BLUR)
    near = np.linspace(0, 1, len(blurred))[:, None, None] > 0.5  # the road in front
    return np.where(near, scene.visible, blurred), np.where(near, blurred, scene.visible)


def _expose(image: np.ndarray, light: float) -> np.ndarray:
    """The image with another exposure: linear light times a factor, clipped."""
    linear = (image / 255) ** 2.2 * light
    return (linear.clip(0, 1) ** (1 / 2.2) * 255).round().astype(np.uint8)
