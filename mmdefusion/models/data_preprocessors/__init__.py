from mmdefusion.utils.compat import installed

from .pair_normalizer import PairedPreprocessing, PairNormalizer
from .pretraining_data_preprocessor import PretrainingDataPreprocessor

__all__ = ['PairNormalizer', 'PairedPreprocessing', 'PretrainingDataPreprocessor']

if installed('mmdet'):
    from .det_data_preprocessor import PairedDetDataPreprocessor

    __all__ += ['PairedDetDataPreprocessor']

if installed('mmseg'):
    from .seg_data_preprocessor import PairedSegDataPreprocessor

    __all__ += ['PairedSegDataPreprocessor']
