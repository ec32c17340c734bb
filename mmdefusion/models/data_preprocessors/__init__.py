from mmdefusion.utils.compat import installed

from .pair_normalizer import PairedPreprocessing, PairNormalizer, stand_in
from .pretraining_data_preprocessor import PretrainingDataPreprocessor

__all__ = ['PairNormalizer', 'PairedPreprocessing', 'PretrainingDataPreprocessor', 'stand_in']

if installed('mmdet'):
    from .det_data_preprocessor import PairedDetDataPreprocessor

    __all__ += ['PairedDetDataPreprocessor']

if installed('mmseg'):
    from .seg_data_preprocessor import PairedSegDataPreprocessor

    __all__ += ['PairedSegDataPreprocessor']
