"""Runs exported networks without torch and the toolboxes: onnxruntime, NumPy, OpenCV and Pillow are enough."""

from mmdefusion.utils.lazy import lazy_exports

_HOMES = {
    'OnnxDetector': 'detector',
    'OnnxFuser': 'fuser',
    'OnnxSegmenter': 'segmenter',
    'read_metadata': 'network',
}

__all__ = [*_HOMES]

__getattr__, __dir__ = lazy_exports(__name__, _HOMES)
