"""The paired data preprocessor of mmdet."""

from mmdet.models.data_preprocessors import DetDataPreprocessor

from mmdefusion.registry import MODELS

from .pair_normalizer import PairedPreprocessing


@MODELS.register_module()
class PairedDetDataPreprocessor(PairedPreprocessing, DetDataPreprocessor):
    """mmdet's preprocessor for pairs; arguments as in :class:`PairedPreprocessing` and mmdet's DetDataPreprocessor."""
