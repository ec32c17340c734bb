"""Generated night and day visible-infrared street scenes, for the demo and the tests (NumPy and OpenCV only)."""

from .generator import CLASSES, PALETTE, Scene, SceneGenerator
from .reader import WrittenScenes, corners
from .writer import write_scenes

__all__ = ['CLASSES', 'PALETTE', 'Scene', 'SceneGenerator', 'WrittenScenes', 'corners', 'write_scenes']
