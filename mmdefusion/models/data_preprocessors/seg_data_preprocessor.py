"""The paired data preprocessor of mmseg."""

from mmseg.models.data_preprocessor import SegDataPreProcessor

from mmdefusion.registry import MODELS

from .pair_normalizer import PairedPreprocessing


@MODELS.register_module()
class PairedSegDataPreprocessor(PairedPreprocessing, SegDataPreProcessor):
    """mmseg's preprocessor on pairs; options as in :class:`PairedPreprocessing` and mmseg's SegDataPreProcessor."""
